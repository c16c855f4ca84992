"""Rotated copies of a log: their names, and which have to be read.

names.py        how rotated copies are named
matches.py      whether a file is a known one, or a copy of it
known_files.py  where files that are not open were read to
choice.py       the choice among the copies of one log
copies.py       which rotated copies have to be read

May import `disk`.
"""
