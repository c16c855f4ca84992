"""The pages of docs/ that are made from the code: `python -m exporter.reference` writes them.

__main__.py  writes them
config.py    every setting; the config's JSON Schema
metrics.py   every metric and label
attributes.py  names of single requests in OTLP
fields.py    every field that a log can have
formats.py   every preset
commands.py  every command
site.py      the site of these pages, with MkDocs

May import everything.
"""
