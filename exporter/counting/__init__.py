"""Records to series.

meter.py      counts rows into cells, and folds cells into series
loop.py       generates the hot loop; periods.py: splits rows by the period in which they were logged
cell.py       a cell; cells.py: creates one for a new combination; kinds.py: kinds of requests and their labels
context.py    what all inputs share
admission.py  which values may be labels; places.py: frees their places
expiry.py     drops idle series

May import the folders of the earlier steps, but neither `state` nor `config`.
"""
