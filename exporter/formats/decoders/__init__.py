"""Lines of each kind → rows.

decoder.py       what every decoder returns
json_lines.py    decodes JSON
json_values.py   takes values out of decoded JSON
json_repair.py   repairs JSON that gateways write wrongly
text_lines.py    decodes text: nginx templates, regular expressions
csv_lines.py     decodes CSV
logfmt_lines.py  decodes logfmt
container.py     unwraps lines from those of a container runtime
batch.py         splits lines of many records

May import `patterns`, and `source` and `values` of `formats`.
"""
