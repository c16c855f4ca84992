"""The running exporter.

pipeline.py       the main thread: reads, counts, commits, answers; waker.py: how it waits
feed.py           one input on its way to the store; input_journal.py: its rejected lines, rotations and losses
assembly.py       builds the parts from a config
reload.py         applies a changed config
server.py         HTTP; connections.py: closes silent and slow clients
rounds.py         one answer for all who wait; scrapes.py: one rendering for all scrapers
status.py         the status page

May import everything but `commands` and `cli`.
"""
