"""Series: the store, its text, new series held at zero, the slowest request, registered keys at rest.

store.py       the families that are served
series.py      counters, gauges and histograms of a family
buckets.py     observations sorted into buckets
rows.py        the values of a family at one moment
exposition.py  the store as text
templates.py   the lines of a family
packing.py     the text, compressed
zero_hold.py   new series show 0 first
roster.py      registered keys without use, in blocks
slowest.py     the slowest request of the last minutes

May import `model` and the modules beside this folder.
"""
