"""One file: what is in it, which it is, where it was read to.

content.py      the bytes of a file, also of a compressed one
fingerprint.py  a position that recognizes its file
heads.py        finds files with the same beginning
tail.py         an open file and its position
open_files.py   which open file is read next
folders.py      the names in folders
names.py        the one input that a file belongs to

Imports no other folder of `inputs`.
"""
