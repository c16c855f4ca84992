"""What each command of the command line does; `cli` calls these functions with the arguments.

run.py             `run`: count logs and serve metrics until a signal or the end of the inputs
demo.py            `demo`: the same with a sample gateway, and a Prometheus if there is one
replay.py          `replay`: count whole logs once, and print metrics or CSV
explain.py         `explain`: what is read from each line, and what it adds to
suggest_config.py  `init`: detect the format of logs and print a config
survey.py          what a format finds in a log and leaves unread
describe.py        the words for a survey
check.py           `check`: validate a config
notes.py           what is missing on this machine
reachable.py       what the servers that a config names answer
hash.py            `hash`: raw keys to hashed names
reconcile.py       `reconcile`: compares logs with what Prometheus holds
usage.py           `usage`: reports the usage of keys
requests.py        `requests`: find, follow, export and delete single requests
generate.py        `alerts` and `dashboards`: write, compare or upload generated files
select_input.py    the secret and input that a command works with
without_config.py  a config for a log alone

May import everything but `cli`. Only `cli` imports it.
"""
