"""API keys: raw key → public name; the registry, from a file or an admin API; what is shown of keys.

identity.py     a raw key's public name
secret.py       the secret of the hash
seal.py         what must be kept over a restart and may hold a raw key, encrypted
registry.py     the registry, kept up to date
file.py         the registry as a file
flat_list.py    reads large files quickly
api.py          the registry behind an admin API
key_metrics.py  what is known of keys, as gauges

May import `formats`, `metrics`, `model` and the modules beside this folder.
"""
