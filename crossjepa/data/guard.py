"""Reading objects in a child process under limits of time and memory, so that one file costs itself alone."""

import multiprocessing
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, NamedTuple, TypeVar

from crossjepa.errors import BadMesh, UserError
from crossjepa.files import printable

Result = TypeVar("Result")


class Limits(NamedTuple):
    """What reading one object may take: seconds, and GB of memory beyond what the process already has."""

    seconds: float
    memory: float


class Guarded(Generic[Result]):
    """Calls a function in a child process, which is kept for further calls and replaced when it dies.

    The child is a fork: it needs no import of its own, and the function may be a closure. Linux alone limits
    memory. Use it in a `with` statement.

    Args:
        function: what to call with the id of an object; its result is pickled.
        limits: of one call.
    """

    def __init__(self, function: Callable[[str], Result], limits: Limits) -> None:
        self._function = function
        self._limits = limits
        self._start()

    def __call__(self, object_id: str) -> Result:
        """Call the function.

        Raises:
            BadMesh: if it raises one or any error but a `UserError`, or needs more than the limits allow.
            UserError: if it raises one.
        """
        try:
            self._connection.send(object_id)
            result, error = self._connection.recv()
        except (EOFError, OSError):
            raise BadMesh(self._replace()) from None
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def __enter__(self) -> "Guarded[Result]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._child.join()

    def _start(self) -> None:
        fork = multiprocessing.get_context("fork")
        self._connection, far = fork.Pipe()
        arguments = self._function, self._limits, far, self._connection
        self._child = fork.Process(target=_serve, args=arguments, daemon=True)
        self._child.start()
        far.close()

    def _replace(self) -> str:
        """Start another child in place of the dead one; say why it died."""
        self._connection.close()
        self._child.join()
        code = self._child.exitcode
        self._start()
        if code == -signal.SIGALRM:
            return f"took more than data.max_seconds = {self._limits.seconds:g} s to read"
        return f"reading it ended the process with code {code}, probably for lack of memory"


def reason(error: Exception) -> str:
    """One line that says why an object is set aside."""
    if isinstance(error, BadMesh):
        return printable(str(error))
    return printable(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def _serve(function: Callable[[str], Any], limits: Limits, near: Connection, far: Connection) -> None:
    """The child: answers until the pipe's other end closes; SIGALRM ends it when a call takes too long."""
    far.close()  # this copy would keep the pipe open after the parent's death
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _limit_memory(limits.memory)
    while True:
        try:
            object_id = near.recv()
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, limits.seconds)
        answer = _answer(function, object_id, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        near.send(answer)


def _answer(
    function: Callable[[str], Result], object_id: str, limits: Limits
) -> tuple[Result | None, Exception | None]:
    try:
        return function(object_id), None
    except UserError as error:
        return None, error
    except MemoryError:
        return None, BadMesh(f"needs more than data.max_memory = {limits.memory:g} GB to read")
    except Exception as error:  # a broken object must not stop the others
        return None, BadMesh(reason(error))


def _limit_memory(gigabytes: float) -> None:
    """Limit the process's writable memory to what it has now and `gigabytes` more."""
    status = Path("/proc/self/status")
    if not status.exists():
        return
    held = next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if "VmData" in line)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (held + int(gigabytes * 1e9), hard))
