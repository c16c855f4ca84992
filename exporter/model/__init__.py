"""What exists: the fields that a log can have, the record of a request, labels, metric families, recorded series.

Imports nothing of the exporter.
"""
