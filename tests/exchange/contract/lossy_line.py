"""A line to a venue that loses answers: the request arrives and is executed, the client never hears of it."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class LossyLine:
    """Relays everything, but swallows the next answer to a request that begins with `lose` and hangs up."""

    venue_port: int
    port: int = 0
    lose: bytes = b""
    lost: list[bytes] = field(default_factory=list)


class _Relay(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        line: LossyLine = self.server.line  # type: ignore[attr-defined]
        losing = threading.Event()
        with socket.create_connection(("127.0.0.1", line.venue_port)) as venue:
            answers = threading.Thread(target=self._relay_answers, args=(line, venue, losing), daemon=True)
            answers.start()
            with contextlib.suppress(OSError):
                while request := self.request.recv(65_536):
                    if line.lose and request.startswith(line.lose):
                        line.lose = b""
                        losing.set()
                    venue.sendall(request)
                venue.shutdown(socket.SHUT_RDWR)
            answers.join()

    def _relay_answers(self, line: LossyLine, venue: socket.socket, losing: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while answer := venue.recv(65_536):
                if losing.is_set():
                    line.lost.append(answer)
                    break
                self.request.sendall(answer)
            self.request.shutdown(socket.SHUT_RDWR)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def lossy_line(venue_port: int) -> Iterator[LossyLine]:
    with _Server(("127.0.0.1", 0), _Relay) as server:
        line = LossyLine(venue_port, server.server_address[1])
        server.line = line  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield line
        finally:
            server.shutdown()
            thread.join()
