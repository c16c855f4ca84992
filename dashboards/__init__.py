"""Grafana dashboards over the exporter's metrics, built for a config.

promql.py       shapes of queries, as text
metrics.py      queries over what a config's exporter serves, narrowed by a dashboard's variables
leading.py      the same of the keys that lead, for tables of long ranges
grafana.py      the thin layer over grafanalib
panels.py       its panels by name, and tables.py; panel.py, fields.py: their parts
variables.py    the drop-downs
board.py        rows of panels → a dashboard as Grafana reads it
pages/          the nine dashboards
build.py        all of them as files, and whether a folder is up to date; made with the defaults: generated/
push.py         … or into a running Grafana
questions.py    the questions that people have; each panel says which it answers
usage.py        docs/dashboards.md: which panel answers which question
"""
