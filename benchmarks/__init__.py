"""How fast the exporter counts, and how fast others count the same logs."""
