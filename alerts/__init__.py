"""Recording rules, alert rules and an Alertmanager config, generated from the config's section `alerts`.

`build.py` is the file to read first. What it makes of config.example.yaml is in `generated/`.
"""
