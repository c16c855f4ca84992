"""The config: the types of its sections, their rules, `load`. Every mistake has its file, line and field.

Imports what it makes values for: `formats`, `keys`, `limits`, `pricing`, `model`; no stage imports it.
"""
