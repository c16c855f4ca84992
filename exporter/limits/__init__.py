"""Limits and quotas: windows of the calendar, the use of keys in them, the limits of plans.

calendar.py    when windows begin and end
running.py     which windows run now
use.py         what a plan allows, and what a key has used of it
usage.py       the use of all keys, by window
stored_use.py  how the state keeps that use
gauges.py      the `gateway_limit*` families

May import `metrics`, `model` and the modules beside this folder.
"""
