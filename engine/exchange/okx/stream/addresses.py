"""Where OKX's WebSockets are, by REST host and flag (okx.md §1). A key of one region works in no other."""

from __future__ import annotations

from urllib.parse import urlsplit

PATH = "/ws/v5"
PORT = 8443
LOOPBACK = "http://127.0.0.1"

# REST host: (production, demo)
_HOSTS = {
    "www.okx.com": ("ws.okx.com", "wspap.okx.com"),
    "openapi.okx.com": ("ws.okx.com", "wspap.okx.com"),
    "eea.okx.com": ("wseea.okx.com", "wseeapap.okx.com"),
    "my.okx.com": ("wseea.okx.com", "wseeapap.okx.com"),
    "us.okx.com": ("wsus.okx.com", "wsuspap.okx.com"),
    "app.okx.com": ("wsus.okx.com", "wsuspap.okx.com"),
}


def stream_address(rest_host: str, flag: str) -> str | None:
    """`wss://host:8443/ws/v5`, to which the socket's name is added; None for a host whose sockets we do not know.

    `flag` is "0" for production and "1" for demo trading. The simulator speaks both on one port.
    """
    if rest_host.startswith(LOOPBACK):
        return rest_host.replace("http://", "ws://", 1).rstrip("/") + PATH
    hosts = _HOSTS.get(urlsplit(rest_host).hostname or "")
    return f"wss://{hosts[int(flag)]}:{PORT}{PATH}" if hosts is not None else None
