"""What survives a restart: the checkpoint and the file that it is in.

Imports `counting`, `metrics`, `model` and the modules beside this folder.
"""
