"""Adapters: one module for each kind of data set, with `open_source(source) -> Dataset`."""
