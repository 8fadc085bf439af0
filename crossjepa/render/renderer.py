"""Drawing views without a screen, by pyrender on EGL.

One process has one GL context: two in one process break each other. Lights are fixed to the camera and
there are no shadows, so a view depends on the object and the pose alone and is the same, bit for bit, in
every process that uses the same driver.
"""

import os
from functools import cache
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.render.cameras import camera_distance, camera_to_world
from crossjepa.render.settings import RenderSettings
from crossjepa.render.surface import surface

WHITE = [1.0, 1.0, 1.0, 1.0]  # as floats: integers are taken for bytes, and 1 is nearly black
AMBIENT = [0.4, 0.4, 0.4]
LAMP = 1.75  # over the camera's left shoulder; a white face stays just short of the background's white
LAMP_DIRECTION = (-0.45, 0.6, 1.0)


class Renderer:
    """Draws views; the last one made decides what the process's context is set up for.

    Args:
        settings: `image_size`, `field_of_view` and `multisampling` are used.

    Raises:
        UserError: if no GL context can be created.
    """

    def __init__(self, settings: RenderSettings) -> None:
        self.settings = settings
        self.context = _open_context()
        self.context.viewport_width = self.context.viewport_height = settings.image_size
        _set_samples(self.context, 4 if settings.multisampling else 0)

    @property
    def driver(self) -> str:
        """The GL implementation that draws."""
        from OpenGL.GL import GL_RENDERER, GL_VERSION, glGetString

        return ", OpenGL ".join(glGetString(name).decode() for name in (GL_RENDERER, GL_VERSION))

    def draw(
        self, scene: trimesh.Scene, frame: NDArray[np.float64], poses: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Draw one object from every pose, on white.

        Args:
            scene: the object, right-handed and +Y up.
            frame: (4, 4) transform from the scene's frame to the unit sphere.
            poses: (V, 6) float32 poses.

        Returns:
            The (V, S, S, 3) uint8 sRGB views, and the (V, S, S) foreground, where something was drawn.

        Raises:
            ValueError: if the scene has no triangle.
        """
        import pyrender

        stage = pyrender.Scene(bg_color=WHITE, ambient_light=AMBIENT)
        stage.add(surface(scene, frame))
        reach = camera_distance(self.settings.field_of_view)
        lens = pyrender.PerspectiveCamera(
            np.radians(self.settings.field_of_view), znear=max(reach - 1.1, 0.01), zfar=reach + 1.1
        )
        camera = stage.add(lens)
        stage.add(
            pyrender.DirectionalLight(intensity=LAMP), pose=_towards(LAMP_DIRECTION), parent_node=camera
        )
        views, foreground = [], []
        for pose in poses:
            stage.set_pose(camera, camera_to_world(pose))
            colour, depth = self.context.render(stage)
            views.append(colour)
            foreground.append(depth > 0)
        return np.stack(views), np.stack(foreground)


@cache
def _open_context() -> Any:
    """The process's one offscreen renderer."""
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")  # read when pyrender is imported
    os.environ.setdefault("LP_NUM_THREADS", "0")  # one process a core; read when the context is created
    try:
        import pyrender

        _edit_shaders()
        return pyrender.OffscreenRenderer(1, 1)
    except Exception as error:  # loaders and drivers raise a dozen different kinds
        raise UserError(
            f"rendering: no OpenGL context ({type(error).__name__}: {error}); install a driver, on Debian "
            "and Ubuntu with `apt-get install libegl1 libgl1-mesa-dri`"
        ) from error


def _set_samples(context: Any, samples: int) -> None:
    """Choose how often a pixel is sampled; pyrender itself always takes 4, at a third of the speed."""
    import pyrender.renderer as drawing
    from OpenGL.GL import glRenderbufferStorageMultisample

    def storage(target: int, _: int, *rest: int) -> None:
        glRenderbufferStorageMultisample(target, samples, *rest)

    drawing.glRenderbufferStorageMultisample = storage
    context._renderer._delete_main_framebuffer()  # made anew, with these samples, for the next view


def _edit_shaders() -> None:
    """Light faces from both sides, since meshes' winding cannot be trusted, and leave normals as they come:
    the surface is in its final frame, and inverting a matrix for every vertex costs more than all else."""
    from pyrender.shader_program import ShaderProgram

    normal = "normalize(get_normal());"
    edits = {
        normal: f"{normal} n = faceforward(n, frag_position - cam_pos, n);",
        "transpose(inverse(M * inst_m))": "mat4(1.0)",
    }
    load = ShaderProgram._load

    def load_edited(self: Any, path: str) -> str:
        text: str = load(self, path)
        for original, edited in edits.items():
            text = text.replace(original, edited)
        return text

    ShaderProgram._load = load_edited


def _towards(direction: tuple[float, float, float]) -> NDArray[np.float64]:
    """(4, 4) pose of a lamp that shines from `direction`, in the camera's frame, on the origin."""
    x, y, z = direction
    pose = np.array([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z)), 0, 0, 1, 0], dtype=np.float32)
    return camera_to_world(pose)
