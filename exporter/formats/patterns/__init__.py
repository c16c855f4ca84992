"""Regular expressions that users write, compiled so that each takes linear time.

compile.py     compiles a pattern for `re`, or for RE2
linear.py      whether a pattern takes linear time on every text
automaton.py   a pattern as places and edges
characters.py  the characters that such a place reads

Imports nothing else of the exporter.
"""
