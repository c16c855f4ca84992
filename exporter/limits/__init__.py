"""Limits and quotas: the calendar's windows, what keys have used in them, what their plans allow.

Imports `metrics`, `model` and the modules beside this folder.
"""
