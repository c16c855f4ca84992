"""What requests cost: price tables, prices by time, credits.

prices.py  the cost of a kind of request
tables.py  price tables as files

May import `model` and the modules beside this folder.
"""
