"""Lines → rows: decoders, the expressions that read a row's fields, presets, detection.

spec.py          how a config or a preset describes a format
format.py        a format: decoder, sources, conditions
about.py         what a preset says of itself
source.py        where a value stands in a row
values.py        what a logged value means
decoders/        lines of each kind → rows
join.py          joins the lines of one request
row_reader.py    a format as Python expressions, for the hot loop
field_group.py   text fields that are read together
measures.py      numbers as expressions
expressions.py   raw values as expressions, and the names they use
words.py         from raw values to words and canonical values
row_function.py  a format as one function, for `explain`, `replay --csv` and detection
codegen.py       turns generated code into functions
patterns/        regular expressions that users write
detection/       finds the format of a log, or drafts one
presets/         the formats of gateways

May import `model` and the modules beside this folder.
"""
