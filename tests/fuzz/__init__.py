"""Made-up lines for every format, and what must hold for each: see `fuzz`.

`python -m tests.fuzz` does it at length. A failure names its seed, which makes the same lines again.
"""
