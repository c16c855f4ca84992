"""What exists: the fields that a log can have, the record of a request, labels, metric families, recorded series.

fields.py        the fields of a log, the range of each number, and the closed sets of words
record.py        the record of one request
labels.py        the label values of a request
input_labels.py  the labels of an input
columns.py       the columns of a log whose first line names them
key_shapes.py    what could be a raw API key
catalog.py       every metric family
recorded.py      every series of the recording rules, but for those of
growth.py        what the usage report needs: exact growth, hour by hour

Imports nothing of the exporter.
"""
