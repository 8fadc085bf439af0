"""A headless Chromium that opens one page, driven through pipes by the DevTools protocol."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from select import select
from typing import Any

FOUND = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
# Chromium reads commands from file descriptor 3 and writes to 4, each message ended by a zero byte.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
PATIENCE = 60  # seconds


class Tab:
    """A page; `events` are all that the browser told about it.

    Args:
        commands: where to write messages.
        answers: where to read them.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._numbers = count(1)
        self._unread = b""
        self.events: list[dict[str, Any]] = []
        self._session = ""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol and wait for its result."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": number, "method": method, "params": params, **session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "result" in answer, answer
                return answer["result"]

    def open(self, page: Path) -> None:
        """Open a file and wait until it has loaded."""
        self.send("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, or of the promise that it gives."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def point_at(self, selector: str, *, click: bool = False) -> None:
        """Move the mouse to the middle of an element, and click there."""
        quoted = json.dumps(selector)
        self.run(f"document.querySelector({quoted}).scrollIntoView({{block: 'center'}})")
        box = self.run(f"document.querySelector({quoted}).getBoundingClientRect().toJSON()")
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mouseMoved", *(("mousePressed", "mouseReleased") if click else ())):
            self.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def press(self, key: str, text: str = "") -> None:
        """Press a key of the keyboard."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, text=text if kind == "keyDown" else "")

    def screenshot(self) -> bytes:
        """The visible part as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot")["data"])

    @property
    def complaints(self) -> list[Any]:
        """Errors, warnings and everything else that the page wrote to the console."""
        wrong = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for event in self.events if event["method"] in wrong]

    @property
    def requests(self) -> list[str]:
        """The addresses that were asked for, without data URIs."""
        asked = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        urls = [event["params"]["request"]["url"] for event in asked]
        return [url for url in urls if not url.startswith("data:")]

    def _next(self) -> dict[str, Any]:
        """The next message; an event is kept too."""
        while b"\0" not in self._unread:
            assert select([self._answers], [], [], PATIENCE)[0], "the browser says nothing"
            more = os.read(self._answers, 1 << 20)
            assert more, "the browser ended"
            self._unread += more
        message, _, self._unread = self._unread.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        if "method" in answer:
            self.events.append(answer)
        return answer


@contextmanager
def browser(profile: Path, width: int = 1200, height: int = 1000) -> Iterator[Tab]:
    """A tab of the given size in pixels; `profile` is a folder for the browser's files."""
    assert FOUND is not None
    (their_end, commands), (answers, our_end) = os.pipe(), os.pipe()

    def connect() -> None:
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (their_end, our_end)]  # clear of 3 and 4
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    flags = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
    with subprocess.Popen(
        [FOUND, *flags], preexec_fn=connect, close_fds=False, stderr=subprocess.DEVNULL
    ) as process:
        os.close(their_end)
        os.close(our_end)
        try:
            yield Tab(commands, answers)
        finally:
            os.write(commands, b'{"id": 0, "method": "Browser.close"}\0')
            process.wait(PATIENCE)
            os.close(commands)
            os.close(answers)
