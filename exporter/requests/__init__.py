"""A row's fields → a record: method, protocol, error type, attempts, routes, origins, JSON-RPC bodies.

Imports `formats` (how values are written), `model` and the modules beside this folder.
"""
