"""The last requests as the wire saw them; benches and fault scenarios count by it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CAPACITY = 60_000
_DIGEST = ("instId", "clOrdId", "ordId", "algoId", "algoClOrdId", "side", "ordType", "sz", "reduceOnly", "tag")


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """`wall_ms` (microsecond precision) is when the last byte had arrived, `took_ms` until the answer was ready."""

    n: int
    wall_ms: float
    took_ms: float
    method: str
    path: str
    body_digest: Any
    code: str

    def row(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "wall_ms": self.wall_ms,
            "took_ms": self.took_ms,
            "method": self.method,
            "path": self.path,
            "body_digest": self.body_digest,
            "code": self.code,
        }


class RequestLog:
    """A ring of the latest `CAPACITY` requests, numbered from 1 without gaps."""

    def __init__(self) -> None:
        self._ring: deque[LoggedRequest] = deque(maxlen=CAPACITY)
        self._count = 0

    def add(self, in_us: int, out_us: int, method: str, path: str, body: Any, code: str) -> None:
        self._count += 1
        took = (out_us - in_us) / 1000
        self._ring.append(LoggedRequest(self._count, in_us / 1000, took, method, path, digest(body), code))

    def since(self, n: int) -> Iterable[dict[str, Any]]:
        """Requests numbered above `n`, oldest first."""
        newer = min(max(0, self._count - n), len(self._ring))
        start = len(self._ring) - newer
        return (self._ring[i].row() for i in range(start, len(self._ring)))


def digest(body: Any) -> Any:
    """The fields of a request that tell one order from another; secrets and sizes of the rest stay out."""
    if isinstance(body, list):
        return [digest(item) for item in body]
    if not isinstance(body, Mapping):
        return {}
    return {name: body[name] for name in _DIGEST if body.get(name) not in (None, "")}
