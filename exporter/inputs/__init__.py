"""Bytes → whole lines: files that grow and rotate, standard input, syslog, whole archives; where each was read to.

base.py       what the pipeline asks of every input
factory.py    which kinds of input there are
events.py     what an input reports besides its lines
lines.py      pieces of any size → whole lines
disk/         one file: what is in it, which it is, where it was read to
rotations/    rotated copies: their names, and which have to be read
logs/         reads logs that grow and rotate
elsewhere.py  what an input needs to know of the others
overlap.py    files that several inputs name, for `check`
pipe.py       reads standard input
syslog/       receives syslog
archive.py    reads whole files once, also compressed ones
watch.py      wakes the pipeline when logs change

May import `model` and the modules beside this folder.
"""
