"""Lines → rows: decoders, the expressions that read a row's fields, presets, detection.

Imports `model` and the modules beside this folder.
"""
