"""Searching a collection of meshes and point clouds by a mesh, a cloud, a photo or words."""
