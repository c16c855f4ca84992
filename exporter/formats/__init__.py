"""Lines → rows: decoders, the expressions that read a row's fields, presets, detection.

spec.py          a format: decoder, sources, conditions
about.py         what a preset says of itself
page.py          docs/formats.md
source.py        where a value stands in a row
values.py        what a logged value means
decoder.py       what every decoder returns
json_lines.py    decodes JSON
text_lines.py    decodes text: nginx templates, regular expressions
csv_lines.py     decodes CSV
logfmt_lines.py  decodes logfmt
container.py     unwraps lines from those of a container runtime
batch.py         splits lines of many records
join.py          joins the lines of one request
row_reader.py    a format as Python expressions, for the hot loop
words.py         from raw values to words and canonical values
row_function.py  a format as one function, for `explain`, `replay --csv` and detection
codegen.py       turns generated code into functions
patterns.py      regular expressions that users write
linear.py        whether a regular expression takes linear time on every text
automaton.py     a regular expression as places and edges
characters.py    the characters that such a place reads
detect.py        finds the format of a log
draft.py         drafts a format for a log that no preset reads
guess.py         guesses the field that a name stands for
usage.py         finds tokens that a format does not read
presets/         the formats of gateways

May import `model` and the modules beside this folder.
"""
