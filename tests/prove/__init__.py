"""The proof that the promises hold: the real command as a child process, killed again and again.

Three work at the same time. The `writer` writes a log, rotates it in every way, and knows the truth;
the `killer` ends the exporter at any moment and starts it again; the `scraper`s check each sample of
each scrape. At the end every counter must be the truth.

    python -m tests.prove.prove_kills --kills 1000 --seed 1
    python -m tests.prove.prove_prometheus
"""
