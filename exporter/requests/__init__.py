"""A row's fields → a record: method, protocol, error type, attempts, routes, origins, JSON-RPC bodies.

enrich.py       fields → a record
records.py      whole records, numbers too
routes.py       a path's template, key and chain
identifiers.py  which parts of a path were made up
body.py         JSON-RPC and LLM requests by their body
attempts.py     which providers were tried, and how it went
canonical.py    functions that reduce fields with too many raw values
cuts.py         shorter values that mean the same

May import `formats` (how values are written), `model` and the modules beside this folder.
"""
