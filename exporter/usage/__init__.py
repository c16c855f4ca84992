"""Usage of keys, chains and models over any time, from what a Prometheus holds.

source.py      which server is asked
prometheus.py  asks it
select.py      selectors of PromQL
exporters.py   which exporters were seen when
division.py    which part of a time recorded hours answer, and which raw series
counters.py    how much counters grew, exactly
moments.py     how moments are written

May import `model` and the modules beside this folder.
"""
