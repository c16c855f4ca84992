"""What exists: fields, records, labels, metric families, recorded series.

fields.py        the fields that a log can have, error types, outcomes, plausible ranges
record.py        the record of one request, and its attempts
labels.py        the label values of a request, and the budgets of open labels
input_labels.py  labels that an input adds to its series
catalog.py       every metric family
recorded.py      every series made by recording rules

Imports only the modules next to the folders (errors, durations and the like).
"""
