"""The request log: a row for each request, kept for days and searched by people. Only with the section `requests`.

chain.py      attempts and steps, with their times
fields.py     the fields of a row
schema.py     the tables of a file
day_file.py   one file being written: what requests share is stored once
recorder.py   what the hot loop hands over → rows
kinds.py      what requests share
log.py        all files: commits, the row mark, age, size, a full disk
file_names.py days and parts of days as names of files
follower.py   what the log knows of who sends its rows on
horizon.py    the days that are kept
key_names.py names and owners of keys, for searches
filters.py    what to look for → SQL
search.py     finds rows and sums in files that the exporter may hold open
latency.py    latencies for reports of usage
deletion.py   deletes the requests of a key, user or client
shown.py      what is shown of raw values
written.py    rows as JSON, JSON lines and CSV

May import `keys`, `pricing`, `requests`, `usage`, `metrics`, `formats` (row readers) and `model`.
"""
