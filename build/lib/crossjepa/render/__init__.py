"""Views of meshes, the images that the frozen teacher embeds."""
