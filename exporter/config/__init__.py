"""The config: the types of its sections, their rules, and `load`. Every mistake has its file, line and field.

load.py       the config, read and checked with the files that it names
config.py     the whole config: its sections
checks.py     rules that need formats, families and plans
inputs.py     `inputs`
metrics.py    `metrics`
limits.py     `plans` and `limits`
keys.py       `keys`, if it is an admin API
labels.py     `metrics.labels`: the labels that it declares
families.py   `metrics.families` and `metrics.custom_families`: the families that are served
alerts.py     `alerts`
objectives.py `alerts.objectives`: promises, and their burn rates
notify.py     `alerts.notify`
time_intervals.py `alerts.notify.time_intervals`
overrides.py  changes of one alert, and exceptions from its thresholds
served.py     what dashboards and rules may ask for
server.py     what sections have that name a server to ask
usage.py      `usage`
reported.py   what a report of usage needs
requests.py   `requests`: the request log
web.py        the file that `web.config` names: TLS, passwords, headers
values.py     what several sections have: allowed values, and how errors describe them

May import the folders whose values it describes: `inputs`, `formats`, `keys`, `limits`, `pricing`, `usage`, `model`,
and the modules beside this folder. No stage imports it.
"""
