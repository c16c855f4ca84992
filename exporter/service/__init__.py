"""The running exporter: the pipeline, its feeds, reload, the web server, the status page.

Imports everything but `commands`.
"""
