"""Inputs: where lines come from. Bytes in, whole lines out."""
