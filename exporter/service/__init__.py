"""The running exporter: the pipeline, its feeds, reload, the web server, the status page.

pipeline.py       the thread that reads, counts and renders
waker.py          when the pipeline scans the logs
feed.py           one input on its way to the store
input_journal.py  what went wrong with that input
learning.py       learns the format of a pipe
oldest.py         how far back reaches what was just counted
assembly.py       builds an exporter from a config
reload.py         applies a changed config
continued.py      inputs that got another name
server.py         the pages
status.py         the status page
scrapes.py        one rendering for all scrapers that wait
rounds.py         one round of work for all callers that wait
listener.py       an application on an address
answers.py        how an application answers
connections.py    closes silent and slow clients
handshake.py      closes those that don't finish their TLS handshake
access.py         who may ask what
passwords.py      checks passwords

May import everything but `commands` and `demo`.
"""
