"""The config: types, validation, messages. Every error has its file, line and field.

load.py      reads a config with its registry and price tables
inputs.py, keys.py, limits.py, metrics.py, families.py, alerts.py, notify.py: one section each
values.py    what several sections share
served.py    what dashboards and rules may query

May import `formats`, `keys`, `limits`, `pricing`, `model` and the modules next to the folders; no stage imports it.
"""
