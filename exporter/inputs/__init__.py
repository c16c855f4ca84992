"""Bytes → whole lines: files that grow and rotate, standard input, syslog, whole archives; where each was read to.

Imports `model` and the modules beside this folder.
"""
