"""A tiny HTTP server that does to the client what venues and networks do. Real sockets, one thread."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.exchange.okx.sdk import OkxEndpoint


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, after `delay_s`."""

    body: bytes
    status: int = 200
    delay_s: float = 0.0


@dataclass(frozen=True)
class Drop:
    """The request is read whole, then the connection is closed without an answer."""


Step = Reply | Drop


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: str

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ok(*rows: Any, delay_s: float = 0.0) -> Reply:
    return Reply(json.dumps({"code": "0", "msg": "", "data": list(rows)}).encode(), delay_s=delay_s)


def refused(code: str, msg: str = "", status: int = 200, **more: Any) -> Reply:
    return Reply(json.dumps({"code": code, "msg": msg, **more}).encode(), status)


def item(s_code: str, s_msg: str = "", code: str = "1", **more: str) -> Reply:
    data = [{"sCode": s_code, "sMsg": s_msg, "ordId": "", **more}]
    return Reply(json.dumps({"code": code, "msg": "All operations failed", "data": data}).encode())


HTML = Reply(b"<html><body>502 Bad Gateway</body></html>", 502)


@dataclass
class ScriptedVenue:
    """Answers each path by its script, in order; the last step repeats. Unscripted paths get empty data."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    scripts: dict[str, deque[Step]] = field(default_factory=lambda: defaultdict(deque))
    stopping: threading.Event = field(default_factory=threading.Event)

    def on(self, path: str, *steps: Step) -> None:
        self.scripts[f"/api/v5/{path}"] = deque(steps)

    def step(self, seen: Seen) -> Step:
        self.seen.append(seen)
        script = self.scripts[seen.path]
        if not script:
            return ok()
        return script.popleft() if len(script) > 1 else script[0]

    def endpoint(self, **changes: Any) -> OkxEndpoint:
        values = {"connect_timeout_s": 1.0, "read_timeout_s": 1.0, **changes}
        return OkxEndpoint(f"http://127.0.0.1:{self.port}", "1", "key-abc", "secret-def", "pass-ghi", **values)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        venue: ScriptedVenue = self.server.venue  # type: ignore[attr-defined]
        while (seen := self._next()) is not None:
            step = venue.step(seen)
            if isinstance(step, Drop):
                return
            if step.delay_s:
                venue.stopping.wait(step.delay_s)
            head = f"HTTP/1.1 {step.status} X\r\nContent-Length: {len(step.body)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + step.body)
            except OSError:
                return

    def _next(self) -> Seen | None:
        """None = the client has gone, one way or the other."""
        try:
            return self._read()
        except ConnectionError:
            return None

    def _read(self) -> Seen | None:
        line = self.rfile.readline().decode()
        if not line.strip():
            return None
        method, target, _ = line.split()
        headers: dict[str, str] = {}
        while text := self.rfile.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", "0"))).decode()
        return Seen(method, target, headers, body)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False


@contextmanager
def scripted_venue() -> Iterator[ScriptedVenue]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        venue = ScriptedVenue(port=server.server_address[1])
        server.venue = venue  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield venue
        finally:
            venue.stopping.set()
            server.shutdown()
            thread.join()


def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
