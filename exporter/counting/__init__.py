"""Records → series: the hot loop, its cells, which values may be labels, and what expires.

meter.py      rows → cells → series: what a feed calls
loop.py       the hot loop, generated for each format
fold.py       the fold of a cell, generated likewise
periods.py    rows by the period of their time
cell.py       what requests of one kind and one caller added since the last fold
cells.py      makes the cell of a new combination
origins.py    requests by origin
kinds.py      what was asked and how it went
judge.py      the label values of a record
fed.py        the families that requests may add to
layouts.py    which label values find the series of a kind's cells
connect.py    connects a cell to its series, generated for each layout
admission.py  which values may be labels
places.py     gives back the places of values that have expired
expiry.py     drops series that were idle for long enough
context.py    what all inputs count into

May import the folders for a line's way up to here, `keys`, `limits`, `pricing`, `metrics`, `model`, and the modules
beside this folder; not `state` or `config`.
"""
