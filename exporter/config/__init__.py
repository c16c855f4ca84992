"""The config: the types of its sections, their rules, `load`. Every mistake has its file, line and field.

Imports the folders whose values it describes: `formats`, `keys`, `limits`, `pricing`, `model`; no stage imports it.
"""
