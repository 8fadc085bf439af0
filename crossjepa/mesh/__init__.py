"""Reading meshes: one module for each format, all with the same result, a `Mesh` of coloured triangles."""
