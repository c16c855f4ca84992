"""Bytes → whole lines: files that grow and rotate, standard input, syslog, whole archives; where each was read to.

base.py            what the pipeline asks of every input
factory.py         which kinds of input there are
events.py          what an input reports besides its lines
files.py           reads logs that grow and rotate
discovery.py       the logs that a path names
following.py       which files are the logs now
folders.py         the names in folders
tail.py            an open file and its position
content.py         the bytes of a file, also of a compressed one
lines.py           pieces of any size → whole lines
headers.py         logs whose first line names their columns
objects.py         finished objects, as clouds write them to a bucket
fingerprint.py     a position that recognizes its file
heads.py           finds files with the same beginning
open_files.py      which open file is read next
known_files.py     where files that are not open were read to
rotated_copies.py  which rotated copies have to be read
rotated_names.py   how rotated copies are named
chosen_copies.py   the choice among the copies of one log
sorting.py         which file is read before which, from where, and what was lost
names.py           the one input that a file belongs to
elsewhere.py       what an input needs to know of the others
overlap.py         files that several inputs name, for `check`
pipe.py            reads standard input
syslog.py          reads what a socket of syslog receives
syslog_address.py  the address that a config gives syslog
syslog_sockets.py  opens the socket, and asks what the kernel dropped
syslog_receiver.py the thread that receives
syslog_message.py  messages of syslog → lines
archive.py         reads whole files once, also compressed ones
watch.py           wakes the pipeline when logs change

May import `model` and the modules beside this folder.
"""
