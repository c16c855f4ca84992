"""What survives a restart.

checkpoint.py  counters and positions, saved in one transaction
database.py    the state file; frames.py: detects damage to it
lock.py        the lock next to it, with the number of the last commit

May import `counting`, `metrics`, `model` and the modules next to the folders.
"""
