"""Limits and quotas: what keys have used, and what their plans allow.

usage.py       use of each limit in its window
calendar.py    minutes, hours, days and months in a time zone
running.py     which windows are running
stored_use.py  how the state holds use

May import `metrics`, `model` and the modules next to the folders.
"""
