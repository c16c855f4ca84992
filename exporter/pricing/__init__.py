"""What requests cost: price tables, prices by time, credits.

pricing.py   the cost of a kind of request
price.py     a price, and the one that is valid at a time
entries.py   the entries of price tables, found by model
credits.py   the credits of a call
patterns.py  patterns of names
tables.py    price tables as files

May import `model` and the modules beside this folder.
"""
