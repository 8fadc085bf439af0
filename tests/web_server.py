"""Web servers on this machine, for tests of downloads."""

import hashlib
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """One file on a local web server, and how the server behaves.

    Attributes:
        content: the file.
        name: its name.
        ranges: whether a part can be asked for.
        cut: bytes after which an answer breaks off.
        tells_length: whether answers say how long they are.
        asked: the Range header of each request.
    """

    def __init__(self, content: bytes, name: str = "a.zip") -> None:
        self.content = content
        self.name = name
        self.ranges = True
        self.cut: int | None = None
        self.tells_length = True
        self.asked: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/{name}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.ranges else 0  # type: ignore[index]
        if request.path != f"/{self.name}":
            request.send_error(404)
            return
        if start >= len(self.content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(self.content)}")
            request.end_headers()
            return
        body = self.content[start:]
        request.send_response(206 if asked and self.ranges else 200)
        if self.tells_length:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body if self.cut is None else body[: self.cut])

    def close(self) -> None:
        """Refuse further connections."""
        self.http.shutdown()
        self.http.server_close()


class Hub:
    """Repositories of the Hugging Face hub, as far as its client asks for their files.

    Attributes:
        files: content by path, such as `datasets/owner/name/resolve/main/file`.
        broken: how many of the next downloads fail.
        sent: paths of the files that were sent.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.broken = 0
        self.sent: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub.answer(self, whole=False)

            def do_GET(self) -> None:
                hub.answer(self, whole=True)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, whole: bool) -> None:
        path = request.path.lstrip("/")
        if path not in self.files:
            request.send_response(404)
            request.send_header("X-Error-Code", "EntryNotFound")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if whole and self.broken:
            self.broken -= 1
            request.send_error(500)
            return
        body = self.files[path]
        request.send_response(200)
        request.send_header("X-Repo-Commit", "0" * 40)
        request.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if whole:
            self.sent.append(path)
            request.wfile.write(body)

    def close(self) -> None:
        """Refuse further connections."""
        self.http.shutdown()
        self.http.server_close()
