"""The alerts, one file for each category."""
