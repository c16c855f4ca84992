"""What survives a restart: the checkpoint and the file that it is in.

checkpoint.py  what a commit saves, and how it is restored
database.py    the state file
frames.py      checksums around the parts of that file
lock.py        the lock beside that file

May import `counting`, `metrics`, `model` and the modules beside this folder.
"""
