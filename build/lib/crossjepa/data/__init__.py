"""Data sets: their meshes, the catalog of them, and point clouds sampled from them."""
