"""Arrays that one stage hands to another, and the only package that imports Zarr.

`sharded` lays out, writes and reads stores that many jobs fill in parallel; `seal` checks a filled store and
writes its manifest; `bundle` keeps a few arrays in one file.
"""
