"""A renderer of few lines: a texture or a colour, one lamp at the camera, one sample a pixel."""

from collections.abc import Sequence
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray
from PIL.Image import Transpose

VERTEX = """
#version 330
uniform mat4 camera;
in vec3 position, normal;
in vec2 uv;
out vec3 direction;
out vec2 place;
void main() { gl_Position = camera * vec4(position, 1); direction = normal; place = uv; }
"""
FRAGMENT = """
#version 330
uniform sampler2D image;
uniform vec3 factor, lamp;
in vec3 direction;
in vec2 place;
out vec3 colour;
void main() {
    float light = 0.4 + 0.6 * abs(dot(normalize(direction), lamp));
    colour = light * factor * texture(image, place).rgb;
}
"""


class PlainShader:
    """Draws the meshes that were last uploaded.

    Args:
        size: pixels of a side.
        angle: field of view in degrees.
    """

    def __init__(self, size: int, angle: float) -> None:
        self.size, self.angle = size, angle
        self.context = moderngl.create_context(standalone=True, backend="egl")
        self.context.gc_mode = "auto"
        self.context.enable(moderngl.DEPTH_TEST)
        self.program = self.context.program(VERTEX, FRAGMENT)
        self.target = self.context.simple_framebuffer((size, size), 3)
        self.target.use()
        self.white = self.context.texture((1, 1), 3, b"\xff\xff\xff", alignment=1)

    def upload(self, meshes: Sequence[Any]) -> None:
        """Replace the triangles, textures and colours by those of meshes of trimesh."""
        self.parts = [self._part(mesh) for mesh in meshes]

    def _part(self, mesh: Any) -> tuple[Any, Any, tuple[float, ...]]:
        uv, material = getattr(mesh.visual, "uv", None), getattr(mesh.visual, "material", mesh.visual)
        image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
        textured = uv is not None and image is not None
        places = uv if textured else np.zeros((len(mesh.vertices), 2))
        rows = np.hstack([mesh.vertices, mesh.vertex_normals, places]).astype("f4")
        inputs = [(self.context.buffer(rows.tobytes()), "3f 3f 2f", "position", "normal", "uv")]
        corners = self.context.buffer(mesh.faces.astype("u4").tobytes())
        triangles = self.context.vertex_array(self.program, inputs, corners)
        if not textured:
            return triangles, self.white, tuple(material.main_color[:3] / 255)
        pixels = image.convert("RGB").transpose(Transpose.FLIP_TOP_BOTTOM)
        return triangles, self.context.texture(pixels.size, 3, pixels.tobytes(), alignment=1), (1.0, 1.0, 1.0)

    def draw(self, matrix: NDArray[np.float64], radius: float) -> NDArray[np.uint8]:
        """The (S, S, 3) view from a camera, given by its (4, 4) transform to the world, of what lies within
        `radius` around the point it looks at."""
        self.target.clear(1, 1, 1)
        self.program["camera"].write((self._lens(radius) @ np.linalg.inv(matrix)).T.astype("f4").tobytes())
        self.program["lamp"] = tuple(matrix[:3, 2])
        for triangles, texture, factor in self.parts:
            self.program["factor"] = factor
            texture.use()
            triangles.render()
        pixels = np.frombuffer(self.target.read(alignment=1), np.uint8)
        return pixels.reshape(self.size, self.size, 3)[::-1]

    def _lens(self, radius: float) -> NDArray[np.float64]:
        """(4, 4) perspective projection."""
        half = np.radians(self.angle) / 2
        distance = radius / np.sin(half)
        near, far, scale = (
            max(distance - 1.1 * radius, 0.01 * radius),
            distance + 1.1 * radius,
            1 / np.tan(half),
        )
        last = [[0, 0, (far + near) / (near - far), 2 * far * near / (near - far)], [0, 0, -1, 0]]
        return np.array([[scale, 0, 0, 0], [0, scale, 0, 0], *last])
