"""A server of feeds with scripted answers and faults, real HTTP on a loopback port: as wrong as the world can be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from engine.clock import utc


@dataclass(frozen=True)
class Answer:
    """`repeat` sends the body so often; `drip_s` waits after each; `drop` breaks the connection after the headers;
    `raw` replaces the whole answer, status line and all."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    repeat: int = 1
    drip_s: float = 0.0
    drop: bool = False
    raw: bytes | None = None


@dataclass
class FeedServer:
    """`answers` by path may be changed at any time; a path without one is a 404."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split()[1].decode()
                self.asked.append(path)
                if not await self._answer(self.answers.get(path, Answer(b"gone", status=404)), writer):
                    break
        writer.close()

    async def _answer(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(answer.delay_s)
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return False
        headers = {"content-type": answer.content_type, "connection": "close", **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for _ in range(0 if answer.drop else answer.repeat):
            writer.write(answer.body)
            await writer.drain()
            self.sent += len(answer.body)
            await asyncio.sleep(answer.drip_s)
        return False


@asynccontextmanager
async def feed_server(**answers: Answer) -> AsyncIterator[FeedServer]:
    served = FeedServer({f"/{path}": answer for path, answer in answers.items()})
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0, limit=2**20)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def index(value: Any, ts_ms: int, **more: Any) -> Answer:
    """alternative.me's answer of one day."""
    row = {"value": value, "value_classification": "Fear", "timestamp": str(ts_ms // 1000)} | more
    return Answer(json.dumps({"name": "Fear and Greed Index", "data": [row], "metadata": {"error": None}}).encode())


def rss(*stories: tuple[str, int], link: str = "https://news.example/{}?utm_source=rss&utm_medium=x") -> Answer:
    """(title, published ms) as publishers write it: dc:creator without its namespace, CDATA, HTML, tracking."""
    items = "".join(
        f"<item><title><![CDATA[{title}]]></title><link><![CDATA[{link.format(_slug(title))}]]></link>"
        f"<dc:creator><![CDATA[A. Writer]]></dc:creator><pubDate>{format_datetime(utc(ts))}</pubDate>"
        f'<description><![CDATA[<p>More <a href="https://ads.example">here</a></p>]]></description></item>'
        for title, ts in stories
    )
    return Answer(f'<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>{items}</channel></rss>'.encode())


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title).lower()[:60]
