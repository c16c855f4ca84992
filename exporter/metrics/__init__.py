"""Series and their text.

store.py       counters, gauges and histograms by family
exposition.py  Prometheus text and OpenMetrics; packing.py: gzip
roster.py      lines of registered keys without use
zero_hold.py   holds new series at 0 until every scraper has seen them
slowest.py     the slowest request by chain and method

May import `model` and the modules next to the folders.
"""
