"""Usage of keys, chains and models over any time, from what a Prometheus holds.

prometheus.py  asks it
select.py      selectors of PromQL
exporters.py   which exporters were seen when
division.py    which part of a time recorded hours answer, and which raw series
evenly.py      what can be asked at once
counters.py    how much counters grew, exactly
moments.py     how moments are written
scope.py       whose usage is asked for, and of which time
ask.py         from what somebody wrote to a scope
report.py      the whole report, of
facts.py       … numbers
steps.py       … the time series
breakdown.py   … lists by endpoint, key, model …
kept.py        … what only single requests say
limits.py      … rate limits and quotas
judgement.py   … alerts, trends and bottlenecks
ahead.py       … costs and capacity
words.py       … and words
openapi.py     the OpenAPI document of the report
openapi_parts.py  … and what such documents are made of
table.py       the report as tables and CSV

May import `model` and the modules beside this folder.
"""
