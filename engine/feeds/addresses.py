"""Which addresses a feed may have: https anywhere, or http on this very machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import parse_qs, urlsplit

MARKET = "market"
"""In the query of a simulated market's feed: its seed."""


def refusal(url: str) -> str:
    """Why `url` is no address of a feed; "" when it is one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "not a valid URL"
    if not parts.hostname or any(char.isspace() or not char.isprintable() for char in url):
        return "not a valid URL; expected https://host/path"
    if port == 0 or parts.username is not None or parts.password is not None:
        return "a feed's URL has no user, password or port 0"
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)):
        return ""
    return "expected https://, or http:// to 127.0.0.1"


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine by its own words; no name is looked up."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def memory_key(url: str) -> str:
    """By which name what a feed said is kept over a restart: its URL; that of a simulated market, which names its seed,
    without the port, since it listens at another one each time."""
    parts = urlsplit(url)
    simulated = is_loopback(url) and MARKET in parse_qs(parts.query)
    return parts._replace(netloc=parts.hostname or "").geturl() if simulated else url


def host_of(url: str) -> str:
    """How a feed is called on the screen: its host without www. A URL's query may hold somebody's key."""
    return (urlsplit(url).hostname or "?").removeprefix("www.")
