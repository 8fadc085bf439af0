"""Rendering against pyrender, PyVista and moderngl: from files to views.

Each renderer has a process of its own, since two GL contexts in one process break each other, and draws on
one core, as the pipeline's processes do. The start of the process and of the context is not counted. Meshes
that one of them cannot draw are left out for all.

moderngl takes less time than ours, and PyVista does for meshes of a few hundred faces: ours draws with
pyrender's physically based shader, which takes about half of the time, sets its uniforms in Python for each
part and view, and also reads the depth, for the foreground.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection

from comparison import Comparison, Options, find_meshes
from peer_renderers import RENDERERS, SIZE, VIEWS
from timing import time_rounds

MESHES = 12  # of a round
ONE_CORE = {"LP_NUM_THREADS": "0", "OMP_NUM_THREADS": "1"}  # Mesa's threads, and those of all else


def compare(options: Options) -> list[Comparison]:
    """Time the renderers on the same meshes from the same cameras."""
    paths = find_meshes(options.folder, MESHES)
    with ExitStack() as processes:
        pipes = {name: processes.enter_context(renderer(name)) for name in RENDERERS}
        failed = {path: why for pipe in pipes.values() for path, why in draw(pipe, paths).items()}
        for path, why in failed.items():
            print(f"left out: {path}: {why}", file=sys.stderr)
        shared = [path for path in paths if path not in failed]
        rounds = time_rounds({name: partial(draw, pipes[name], shared) for name in pipes}, options.rounds)
    return [Comparison(f"{VIEWS} views of {SIZE}x{SIZE} of each of {len(shared)} meshes", rounds)]


@contextmanager
def renderer(name: str) -> Iterator[Connection]:
    """A process that draws the meshes whose paths it is sent, and answers with those that it could not."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, name))
    process.start()
    theirs.close()
    yield ours
    ours.send([])
    process.join()


def draw(pipe: Connection, paths: list[str]) -> dict[str, str]:
    """Have meshes drawn; gives the reasons of those that failed."""
    pipe.send(paths)
    failed: dict[str, str] = pipe.recv()
    return failed


def serve(pipe: Connection, name: str) -> None:
    """Draw the meshes of each list that is sent, until it is empty."""
    os.environ |= ONE_CORE
    views_of = RENDERERS[name]()
    while paths := pipe.recv():
        failed = {}
        for path in paths:
            try:
                views = views_of(path)
                if not views.std(axis=(1, 2)).any(axis=1).all():
                    failed[path] = f"{name} drew an empty view"
            except Exception as error:  # what a renderer cannot draw breaks it in any way
                failed[path] = f"{name}: {type(error).__name__}: {error}"
        pipe.send(failed)
