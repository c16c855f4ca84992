"""API keys: hashed names, the registry, and the metrics about keys.

identity.py     raw key to hashed name; the only place that handles raw keys
secret.py       the secret for the hash, if the config names none
registry.py     keeps the registry up to date; file.py: from a file; api.py: from an admin API
flat_list.py    reads large YAML and JSON lists quickly
key_metrics.py  gauges about keys

May import `formats`, `metrics`, `model` and the modules next to the folders.
"""
