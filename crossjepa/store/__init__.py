"""Arrays that one stage hands to another, and the only package that imports Zarr.

`sharded` lays out and writes stores that many jobs fill in parallel, `reading` reads them; `seal` checks a
filled store and writes its manifest; `bundle` keeps a few arrays in one file.
"""
