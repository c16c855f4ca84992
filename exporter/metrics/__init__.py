"""Series: the store, its text, new series held at zero, the slowest request, registered keys at rest.

Imports `model` and the modules beside this folder.
"""
