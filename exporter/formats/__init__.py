"""Lines to rows: decoders, the expressions that read a row's fields, presets, detection.

spec.py         a format as configured; source.py: where a field's value is in a row; presets/: known gateways
decoder.py      what all decoders have in common
json_lines.py   JSON; text_lines.py: templates and regular expressions; csv_lines.py, logfmt_lines.py
container.py    lines wrapped by container runtimes; join.py: several lines that are one request
row_reader.py   a format's fields as Python expressions; row_function.py: the values of one row
codegen.py      the only file that compiles generated code
values.py       texts, numbers, durations and times as logs write them
detect.py       finds the preset that reads a log
patterns.py     users' regular expressions; linear.py, automaton.py, characters.py: the proof that one is linear

May import `model` and the modules next to the folders.
"""
