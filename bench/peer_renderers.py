"""Renderers as people use them without a screen: ours, pyrender, PyVista and moderngl.

Each function opens one and returns a function from a mesh's path to its (V, S, S, 3) uint8 views. All draw
from the same directions; the peers frame the sphere around the bounding box, ours the one around the surface.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.render.cameras import camera_distance, camera_to_world, place_cameras
from crossjepa.render.settings import RenderSettings

SETTINGS = RenderSettings()
SIZE, VIEWS, ANGLE = SETTINGS.image_size, SETTINGS.views, SETTINGS.field_of_view
WHITE = [1.0, 1.0, 1.0, 1.0]
Draw = Callable[[str], NDArray[np.uint8]]


def cameras(bounds: Any) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], float]]:
    """For each view of a (2, 3) bounding box: (4, 4) camera to world, (3,) centre and radius of the box."""
    centre, radius = np.mean(bounds, axis=0), float(np.linalg.norm(np.diff(bounds, axis=0)) / 2)
    for pose in place_cameras(SETTINGS):
        matrix = camera_to_world(pose)
        matrix[:3, 3] = centre + radius * matrix[:3, 3]
        yield matrix, centre, radius


def open_ours() -> Draw:
    """The package's reader and renderer."""
    from crossjepa.data.files import Files
    from crossjepa.data.normalise import unit_sphere
    from crossjepa.render.renderer import Renderer

    renderer, poses = Renderer(SETTINGS), place_cameras(SETTINGS)

    def views(path: str) -> NDArray[np.uint8]:
        mesh = Files(Path(path).parent).mesh(Path(path).name)
        return renderer.draw(mesh, unit_sphere(mesh), poses)[0]

    return views


def open_pyrender() -> Draw:
    """trimesh's reader, and pyrender with its four samples a pixel."""
    os.environ["PYOPENGL_PLATFORM"] = "egl"
    import pyrender
    import trimesh

    renderer = pyrender.OffscreenRenderer(SIZE, SIZE)

    def views(path: str) -> NDArray[np.uint8]:
        loaded = trimesh.load_scene(path)
        stage = pyrender.Scene(bg_color=WHITE, ambient_light=[0.4, 0.4, 0.4])
        stage.add(pyrender.Mesh.from_trimesh(loaded.dump()))
        distance, radius = camera_distance(ANGLE), loaded.scale / 2
        near, far = (distance - 1.1) * radius, (distance + 1.1) * radius
        camera = stage.add(pyrender.PerspectiveCamera(np.radians(ANGLE), znear=near, zfar=far))
        stage.add(pyrender.DirectionalLight(intensity=2.0), parent_node=camera)
        drawn = []
        for matrix, *_ in cameras(loaded.bounds):
            stage.set_pose(camera, matrix)
            drawn.append(renderer.render(stage)[0])
        return np.stack(drawn)

    return views


def open_pyvista() -> Draw:
    """VTK's importers and renderer, through PyVista."""
    os.environ["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, window_size=(SIZE, SIZE))
    plotter.set_background("white")
    plotter.camera.view_angle = ANGLE
    plotter.show(auto_close=False)

    def views(path: str) -> NDArray[np.uint8]:
        plotter.clear_actors()
        if path.lower().endswith(".glb"):
            plotter.import_gltf(path, set_camera=False)
        else:
            plotter.import_obj(path, Path(path).with_suffix(".mtl"))
        drawn = []
        for matrix, centre, _ in cameras(np.reshape(plotter.bounds, (3, 2)).T):
            plotter.camera_position = [matrix[:3, 3], centre, matrix[:3, 1]]
            plotter.reset_camera_clipping_range()
            plotter.render()
            drawn.append(plotter.screenshot(return_img=True))
        return np.stack(drawn)

    return views


def open_moderngl() -> Draw:
    """trimesh's reader, and the plainest shader, through moderngl."""
    import trimesh
    from peer_moderngl import PlainShader

    shader = PlainShader(SIZE, ANGLE)

    def views(path: str) -> NDArray[np.uint8]:
        loaded = trimesh.load_scene(path)
        shader.upload(loaded.dump())
        return np.stack([shader.draw(matrix, radius) for matrix, _, radius in cameras(loaded.bounds)])

    return views


RENDERERS = {
    "ours": open_ours,
    "pyrender, with its 4 samples a pixel": open_pyrender,
    "PyVista (VTK)": open_pyvista,
    "a plain shader in moderngl": open_moderngl,
}
