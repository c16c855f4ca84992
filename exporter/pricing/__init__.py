"""What requests cost.

prices.py  prices by time, multipliers, credits
tables.py  price tables in YAML, and LiteLLM's in JSON

May import `model` and the modules next to the folders.
"""
