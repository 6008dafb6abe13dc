"""Faults of the line itself, before a byte reaches the venue: a name that does not resolve, a handshake that fails.

The engine's client is real and so are its errors: the request is pointed at a host that no resolver knows, or at
the venue's port by TLS, which the venue does not speak.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

LineFault = Literal["dns", "tls"]


@dataclass(slots=True)
class Line:
    """`times` requests of `method` ("" = any) whose path begins with `path` are spoiled."""

    fault: LineFault = "dns"
    method: str = ""
    path: str = "/api/v5/"
    times: int = 1

    def spoils(self, request: httpx.Request) -> bool:
        if self.times < 1 or (self.method and self.method != request.method):
            return False
        if not request.url.path.startswith(self.path):
            return False
        self.times -= 1
        return True

    def spoiled(self, url: httpx.URL) -> httpx.URL:
        return url.copy_with(host="venue.invalid") if self.fault == "dns" else url.copy_with(scheme="https")


@contextmanager
def spoilable_line(lines: list[Line]) -> Iterator[None]:
    """Every request of this process goes by `lines`, which may change meanwhile."""
    real = httpx.Client.send

    def send(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        for line in lines:
            if line.spoils(request):
                request.url = line.spoiled(request.url)
                break
        return real(client, request, **options)

    httpx.Client.send = send  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        httpx.Client.send = real  # type: ignore[method-assign]
