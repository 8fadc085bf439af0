"""A trained encoder, ready for meshes and point clouds that no data set lists."""
