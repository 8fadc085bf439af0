"""Views of meshes, as the frozen teacher sees them."""
