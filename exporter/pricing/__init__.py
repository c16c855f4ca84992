"""What requests cost: price tables, prices by time, credits.

Imports `model` and the modules beside this folder.
"""
