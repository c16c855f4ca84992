"""Records → series: the hot loop, cells, which values may be labels, what expires.

Imports the folders for the line's way up to here, not `state` and `config`.
"""
