"""One bounded download: so many bytes, so many seconds, so many redirects, and never an error but FeedError."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from http import HTTPStatus
from importlib import import_module
from urllib.parse import urljoin

import httpx

from engine.feeds.addresses import is_loopback, refusal

MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"user-agent": "cynosure/0.1", "accept": "*/*", "accept-encoding": "identity", "cache-control": "no-cache"}
_GZIP = 16 + zlib.MAX_WBITS

Unpack = Callable[[bytes, int], bytes]


class FeedError(Exception):
    """The feed cannot be read now; one line that says why. Whoever reads it goes on without and tries again later."""


class Downloader:
    """HTTP for all feeds of one engine. Made on first use, on a thread: loading the certificates takes 50 ms."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._clients: dict[tuple[bool, bool], httpx.AsyncClient] = {}
        self._making = asyncio.Lock()

    async def get(self, url: str, most_bytes: int) -> bytes:
        """The body behind `url`, whatever its headers call it. Raises FeedError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._followed(url, most_bytes)
        except TimeoutError:
            raise FeedError(f"no whole answer within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError, zlib.error) as error:
            raise FeedError(_words(error)) from error

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _followed(self, url: str, most_bytes: int) -> bytes:
        """Redirects lead to addresses that would be accepted as settings, and never from outside to this machine."""
        for _ in range(MOST_REDIRECTS + 1):
            client = await self._client(url)
            async with client.stream("GET", url, headers=_HEADERS, follow_redirects=False) as response:
                target = response.headers.get("location")
                if response.status_code in _REDIRECTS and target:
                    url = _next(url, target)
                    continue
                if response.status_code != HTTPStatus.OK:
                    raise FeedError(f"answered HTTP {response.status_code}")
                return await _body(response, most_bytes)
        raise FeedError(f"redirected more than {MOST_REDIRECTS} times")

    async def _client(self, url: str) -> httpx.AsyncClient:
        """What is on this machine is never asked through a proxy; plain http needs no certificates."""
        loopback, plain = is_loopback(url), url.startswith("http:")
        async with self._making:
            if (loopback, plain) not in self._clients:
                self._clients[loopback, plain] = await asyncio.to_thread(self._made, not loopback, not plain)
        return self._clients[loopback, plain]

    def _made(self, trust_env: bool, verify: bool) -> httpx.AsyncClient:
        # What httpx loads at its first request otherwise, on the loop: 40 ms.
        import_module("anyio._backends._asyncio")
        return httpx.AsyncClient(timeout=self._timeout_s, trust_env=trust_env, verify=verify)


def _next(url: str, target: str) -> str:
    there = urljoin(url, target)
    if refusal(there) or (is_loopback(there) and not is_loopback(url)):
        raise FeedError("redirected to an address that is not allowed")
    return there


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    """Read in pieces; what is too long ends at once. A bomb of gzip is unpacked no further than the limit."""
    unpack, body = _unpacking(response.headers.get("content-encoding", "")), bytearray()
    async for piece in response.aiter_raw(65_536):
        body += unpack(piece, most_bytes + 1 - len(body))
        if len(body) > most_bytes:
            raise FeedError(f"longer than {most_bytes // 1000} kB")
    return bytes(body)


def _unpacking(encoding: str) -> Unpack:
    """`identity` was asked for; gzip is sent by some all the same."""
    match encoding.strip().lower():
        case "" | "identity":
            return lambda piece, _: piece
        case "gzip" | "x-gzip":
            return zlib.decompressobj(_GZIP).decompress
    raise FeedError("packed in a way that was not asked for")


def _words(error: Exception) -> str:
    """Ours, not the error's: it may repeat what the other side sent, or the URL."""
    match error:
        case httpx.ConnectError():
            return "cannot be reached"
        case httpx.TimeoutException():
            return "does not answer"
        case httpx.InvalidURL():
            return "redirected to no valid address"
        case zlib.error():
            return "broken compression"
    return f"the connection broke ({type(error).__name__})"
