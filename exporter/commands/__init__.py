"""What the command line runs beside the service: replay, explain, init, check.

Only `cli` imports it.
"""
