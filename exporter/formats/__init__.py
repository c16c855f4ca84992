"""Formats: bytes of a log → rows, and how to read each field of the record from a row."""
