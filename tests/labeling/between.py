"""A line between us and a Label Studio that can be held at a chosen moment: the server has done its part, and
whoever asked does not hear of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

LEFT_OUT = {"transfer-encoding", "content-length", "connection", "content-encoding"}


class Line:
    """Forwards everything to `target`; the answer to the next request that `at` names waits for `release`."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.asked: list[str] = []
        self.holding = threading.Event()
        self._release = threading.Event()
        self._wanted: Callable[[str], bool] | None = None
        self._lock = threading.Lock()

    def hold(self, wanted: Callable[[str], bool]) -> None:
        """Hold the next answer to a request, told as "GET /path?query", of which `wanted` is true."""
        self.holding.clear()
        self._release.clear()
        self._wanted = wanted

    def release(self) -> None:
        self._wanted = None
        self._release.set()

    def passed(self, request: str) -> None:
        with self._lock:
            self.asked.append(request)
            held = self._wanted is not None and self._wanted(request)
            self._wanted = None if held else self._wanted
        if held:
            self.holding.set()
            self._release.wait(120)


@contextmanager
def line(target: str) -> Iterator[tuple[Line, int]]:
    """A line to the server and the port on which it is open."""
    made = Line(target)

    class Handler(BaseHTTPRequestHandler):
        def _forward(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")}
            body = self.rfile.read(size)
            try:
                with httpx.Client(timeout=120) as out:
                    answer = out.request(self.command, made.target + self.path, content=body, headers=headers)
            except httpx.HTTPError:
                self.close_connection = True
                return
            made.passed(f"{self.command} {self.path}")
            self._answer(answer)

        def _answer(self, answer: httpx.Response) -> None:
            try:
                self.send_response(answer.status_code)
                for name, value in answer.headers.multi_items():
                    if name.lower() not in LEFT_OUT:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
            except ConnectionError:  # whoever asked is dead
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _forward  # noqa: N815  # its base's names

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made, server.server_address[1]
    finally:
        made.release()
        server.shutdown()
        server.server_close()
