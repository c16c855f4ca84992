"""The pages, and who may ask for them.

server.py       the pages
status.py       what the status page shows
status_page.py  the status page
scrapes.py      one rendering for all scrapers that wait
requests.py     the API of single requests, and
requests_page.py  … the page over it, whose files are in pages/
rounds.py       one round of work for all callers that wait
listener.py     an application on an address
answers.py      how an application answers
preferences.py  in which form a client wants it
access.py       who may ask what
customers.py    the listener that customers reach, with its
api.py          … answers in JSON, each caller at its pace, and
usage_api.py    … the usage of a key,
customer_requests.py  … single requests of the key, and
document.py     … says what it answers
callers.py      who asks: an operator, or which key, and
parameters.py   … with which parameters
passwords.py    checks passwords
connections.py  closes silent and slow clients
handshake.py    closes those that don't finish their TLS handshake

May import all of `service`.
"""
