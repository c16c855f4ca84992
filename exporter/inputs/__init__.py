"""Bytes to whole lines: logs that grow and rotate, standard input, whole archives.

files.py           logs that grow and rotate; pipe.py: standard input; archive.py: whole files, read once
discovery.py       which files a path or pattern names now; watch.py: wakes the reader when they change
tail.py            one open file and its position; lines.py: whole lines from chunks; content.py: plain or packed bytes
fingerprint.py     identifies a file by its content; heads.py: finds files with the same beginning
known_files.py     positions of files that are not open
rotated_names.py   which files may be rotated copies; rotated_copies.py: which of them have to be read
names.py           which input reads a file; overlap.py: files named by several; elsewhere.py: positions across inputs
events.py          rotations, losses and other events

May import `model` and the modules next to the folders.
"""
