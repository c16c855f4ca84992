"""Bytes → whole lines: files that grow and rotate, standard input, whole archives; where each was read to.

Imports `model` and the modules beside this folder.
"""
