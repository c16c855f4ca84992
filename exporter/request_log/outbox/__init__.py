"""The outbox: rows of the request log go on by OTLP, once the state has them. Only with `requests.otlp`.

attributes.py   columns → names and values by OpenTelemetry's conventions
records.py      rows → OTLP's messages; loads protobuf, so only the sender imports it
unsent.py       the rows behind a number, from all files
place.py        how far rows were sent, in a file beside them
settings.py     where rows are sent, and how that goes
endpoint.py     one request to the receiver, and what its answer means
delivery.py     rows that are sent together: halved where the receiver refuses them
sender.py       the thread that sends, waits and tries again
outbox.py       what the pipeline's thread sees of it: metrics, and what is deleted before it was sent

May import the rest of `request_log`, which does not import it.
"""
