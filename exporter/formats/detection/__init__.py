"""Finds the format of a log that is not configured.

detect.py  finds the preset that reads a log
draft.py   drafts a format for a log that no preset reads
guess.py   guesses the field that a name stands for
usage.py   finds tokens that a format does not read

May import all of `formats`.
"""
