"""Reads logs that grow and rotate.

file_input.py  the input
discovery.py   the logs that a path names
following.py   which files are the logs now
sorting.py     which file is read before which, from where, and what was lost
headers.py     logs whose first line names their columns
objects.py     finished objects, as clouds write them to a bucket

May import `rotations` and `disk`.
"""
