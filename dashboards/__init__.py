"""Grafana dashboards over the exporter's metrics, built for a config.

shown.py        what there is to show: families with their labels, thresholds, currency
promql.py       queries over that, narrowed by a dashboard's variables
grafana.py      the thin layer over grafanalib: panels, by name
board.py        rows of panels → a dashboard as Grafana reads it
variables.py    the drop-downs
pages/          the eight dashboards, a file each
generate.py     all of them as files, and whether a folder is up to date
push.py         … or into a running Grafana
usage.py        docs/dashboards.md: which panel answers which question
"""
