"""Drawing views without a screen, with pyrender on EGL.

One process has one GL context: two in one process break each other. Lights are fixed to the camera and there
are no shadows, so a view depends on the object and the pose alone and is the same, bit for bit, in every
process that uses the same driver.
"""

import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.mesh.mesh import Mesh
from crossjepa.render.cameras import camera_distance, camera_to_world
from crossjepa.render.settings import RenderSettings
from crossjepa.render.surface import surface

WHITE = [1.0, 1.0, 1.0, 1.0]  # as floats: pyrender takes integers for bytes, and 1 is nearly black
AMBIENT = [0.4, 0.4, 0.4]
LAMP = 1.75  # a white face stays just short of the background's white
LAMP_DIRECTION = (-0.45, 0.6, 1.0)  # in the camera's frame: over its left shoulder
REMEDY = "install pyrender-maintained 1.0.1"
# Edits of pyrender's shaders. Faces are lit from both sides, since the winding of meshes cannot be trusted.
# What is cut away by a texture hides nothing behind it.
# Normals stay as they are: the surface is already in its final frame, and inverting a matrix for each vertex
# costs more than everything else together.
SHADER_EDITS = [
    ("mesh.frag", "(get_normal());", "(get_normal()); n = faceforward(n, frag_position - cam_pos, n);"),
    ("mesh.frag", "frag_color = clamp(", "if (color.a * base_color.a < 0.002) discard; frag_color = clamp("),
    ("mesh.vert", "transpose(inverse(M * inst_m))", "mat4(1.0)"),
]


class Renderer:
    """Draws views. All renderers of a process share one GL context; the newest one sets its image size.

    Args:
        settings: `image_size` and `field_of_view` are used.

    Raises:
        UserError: if no GL context can be created, or this version of pyrender is not supported.
    """

    def __init__(self, settings: RenderSettings) -> None:
        self.settings = settings
        self.context = _open_context()
        self.context.viewport_width = self.context.viewport_height = settings.image_size

    @property
    def driver(self) -> str:
        """The GL implementation that draws."""
        from OpenGL.GL import GL_RENDERER, GL_VERSION, glGetString

        return ", OpenGL ".join(glGetString(name).decode() for name in (GL_RENDERER, GL_VERSION))

    def draw(
        self, mesh: Mesh, frame: NDArray[np.float64], poses: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Draw one object from every pose, on white.

        Args:
            mesh: the object, right-handed and +Y up.
            frame: (4, 4) transform from the mesh's frame to the unit sphere.
            poses: (V, 6) float32 poses.

        Returns:
            The (V, S, S, 3) uint8 sRGB views, and the (V, S, S) bool foreground, where something was drawn.
        """
        import pyrender

        stage = pyrender.Scene(bg_color=WHITE, ambient_light=AMBIENT)
        stage.add(surface(mesh, frame))
        angle = self.settings.field_of_view
        near, far = max(camera_distance(angle) - 1.1, 0.01), camera_distance(angle) + 1.1
        lens = pyrender.PerspectiveCamera(np.radians(angle), znear=near, zfar=far)
        camera = stage.add(lens)
        x, y, z = LAMP_DIRECTION
        lamp = np.array([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z)), 0, 0, 1, 0], dtype=np.float32)
        stage.add(pyrender.DirectionalLight(intensity=LAMP), pose=camera_to_world(lamp), parent_node=camera)
        drawn = []
        for pose in poses:
            stage.set_pose(camera, camera_to_world(pose))
            drawn.append(self.context.render(stage))
        views, depths = map(np.stack, zip(*drawn, strict=True))
        return views, depths > 0


@cache
def _open_context() -> Any:
    """The process's one offscreen renderer."""
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")  # read when pyrender is imported
    os.environ.setdefault("LP_NUM_THREADS", "0")  # one process per core; read when the context is created
    try:
        import pyrender

        context = pyrender.OffscreenRenderer(1, 1)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # loaders and drivers raise a dozen different kinds
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"rendering: no OpenGL context ({reason}); {_where_to_render()}") from error
    _sample_once()
    _edit_shaders(context)
    return context


def _where_to_render() -> str:
    """What to do on a machine that cannot render."""
    if sys.platform == "linux":
        return (
            "install EGL and a driver, `apt-get install libegl1 libgl1-mesa-dri libopengl0` on Debian and "
            "Ubuntu, `dnf install mesa-libEGL mesa-libGL mesa-dri-drivers` on Fedora or `pacman -S mesa` on "
            "Arch"
        )
    return (
        "it needs EGL, which this system lacks: use Linux, in a container or a virtual machine if need be. "
        "`crossjepa embed` and `crossjepa.load` need no rendering"
    )


def _sample_once() -> None:
    """Turn off pyrender's fixed four samples a pixel, which take three times as long.

    Raises:
        UserError: if this version of pyrender sets its samples in another way.
    """
    import pyrender.renderer as drawing
    from OpenGL.GL import glRenderbufferStorageMultisample

    def storage(target: int, _: int, *rest: int) -> None:
        glRenderbufferStorageMultisample(target, 0, *rest)

    name = "glRenderbufferStorageMultisample"
    if name not in drawing.Renderer._configure_main_framebuffer.__code__.co_names:
        raise UserError(f"rendering: this pyrender does not call {name}; {REMEDY}")
    setattr(drawing, name, storage)


def _edit_shaders(context: Any) -> None:
    """Let the context compile edited copies of pyrender's shaders.

    Raises:
        UserError: if a shader does not contain the text to replace exactly once.
    """
    from pyrender.shader_program import ShaderProgramCache

    folder = tempfile.TemporaryDirectory(prefix="crossjepa-shaders-")
    context.edited_shaders = folder  # keeps the folder for as long as the context
    shutil.copytree(ShaderProgramCache().shader_dir, folder.name, dirs_exist_ok=True)
    for name, original, edited in SHADER_EDITS:
        shader = Path(folder.name, name)
        text = shader.read_text()
        if text.count(original) != 1:
            raise UserError(f"rendering: this pyrender's {name} does not contain `{original}` once; {REMEDY}")
        shader.write_text(text.replace(original, edited))
    context._renderer._program_cache = ShaderProgramCache(folder.name)
