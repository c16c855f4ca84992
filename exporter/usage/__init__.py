"""Usage of keys, chains and models over any time, from what a Prometheus holds.

source.py      which server is asked
prometheus.py  asks it

May import `model` and the modules beside this folder.
"""
