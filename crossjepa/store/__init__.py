"""Arrays that cross a stage boundary, and the only package that knows Zarr.

`sharded` writes and reads stores that many jobs fill, `seal` checks a filled store and writes its
manifest, `bundle` keeps small groups of arrays in one file.
"""
