"""Receives syslog by UDP, TCP or a Unix socket.

syslog_input.py  the input
address.py       the address that a config gives
sockets.py       opens the socket, and asks what the kernel dropped
receiver.py      the thread that receives
message.py       messages → lines

Imports no other folder of `inputs`.
"""
