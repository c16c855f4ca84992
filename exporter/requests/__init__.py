"""A row's fields to an AccessRecord.

records.py      rows to records, for commands that need one per line
enrich.py       method, protocol, error type and the other fields of a record
canonical.py    functions that reduce fields with too many raw values
routes.py       path to route, key and chain; identifiers.py: which parts of a path look generated
body.py         JSON-RPC methods and models in request bodies
attempts.py     the attempts at providers

May import `formats`, `model` and the modules next to the folders.
"""
