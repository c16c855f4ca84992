"""The running exporter: the pipeline, its feeds, reload, the pages it serves.

pipeline.py       the thread that reads, counts and renders
waker.py          when the pipeline scans the logs
feed.py           one input on its way to the store
forwarder.py      sends the kept requests on, across reloads
input_journal.py  what went wrong with that input
pace.py           lines per second
learning.py       learns the format of a pipe
oldest.py         how far back reaches what was just counted
assembly.py       builds an exporter from a config
stored_parts.py   what its state has beside the series
key_watch.py      follows the key registry
reload.py         applies a changed config
continued.py      inputs that got another name, and where they continue
web/              the pages, and who may ask for them

May import everything but `commands` and `demo`.
"""
