"""`python -m exporter` is `gateway-exporter`."""

from exporter.cli import command

command()
