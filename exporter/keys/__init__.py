"""API keys: raw key → public name; the registry, from a file or an admin API; what is shown of keys.

Imports `formats`, `metrics`, `model` and the modules beside this folder.
"""
