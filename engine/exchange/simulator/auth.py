"""The gateway: who may ask, verified over the bytes as they arrived (okx.md §2).

The time stamp is judged against wall time whatever the venue's own time is, and before the key is looked up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

WINDOW_MS = 30_000
LOGIN_PATH = "/users/self/verify"

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_EPOCH = re.compile(r"\d{10}(\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Credentials:
    key: str
    secret: str
    passphrase: str

    def sign(self, prehash: bytes) -> str:
        """base64(HMAC-SHA256(secret, prehash))."""
        return base64.b64encode(hmac.new(self.secret.encode(), prehash, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A gateway error: HTTP 401 without a `data` key, or a refused WebSocket login."""

    code: str
    message: str


_REQUIRED = (
    (b"ok-access-key", Refusal("50103", 'Request header "OK-ACCESS-KEY" can\'t be empty.')),
    (b"ok-access-sign", Refusal("50106", 'Request header "OK-ACCESS-SIGN" can\'t be empty.')),
    (b"ok-access-timestamp", Refusal("50107", 'Request header "OK-ACCESS-TIMESTAMP" can\'t be empty.')),
    (b"ok-access-passphrase", Refusal("50104", 'Request header "OK-ACCESS-PASSPHRASE" can\'t be empty.')),
)


def refuse_request(
    credentials: Credentials, method: str, target: bytes, body: bytes, headers: Mapping[bytes, bytes], wall_ms: int
) -> Refusal | None:
    """None when the request is signed by `credentials`. `target` is the raw path with its query, as sent."""
    for name, refusal in _REQUIRED:
        if not headers.get(name):
            return refusal
    stamp = headers[b"ok-access-timestamp"]
    sent_ms = iso_or_epoch_ms(stamp.decode("latin-1"))
    if sent_ms is None:
        return Refusal("50112", "Invalid OK-ACCESS-TIMESTAMP")
    if abs(wall_ms - sent_ms) > WINDOW_MS:
        return Refusal("50102", "Timestamp request expired")
    prehash = stamp + method.encode() + target + body
    return _refuse_identity(credentials, headers, prehash)


def _refuse_identity(credentials: Credentials, headers: Mapping[bytes, bytes], prehash: bytes) -> Refusal | None:
    if not _same(headers[b"ok-access-key"], credentials.key):
        return Refusal("50111", "Invalid OK-ACCESS-KEY")
    if headers.get(b"x-simulated-trading") != b"1":
        return Refusal("50101", "APIKey does not match current environment.")
    if not _same(headers[b"ok-access-passphrase"], credentials.passphrase):
        return Refusal("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.')
    if not _same(headers[b"ok-access-sign"], credentials.sign(prehash)):
        return Refusal("50113", "Invalid Sign")
    return None


def refuse_login(credentials: Credentials, login: Mapping[str, object], wall_ms: int) -> Refusal | None:
    """None when a WebSocket login (unix seconds, okx.md §13) is signed by `credentials`."""
    stamp = str(login.get("timestamp", ""))
    if not _EPOCH.fullmatch(stamp):
        return Refusal("60004", "Invalid timestamp")
    if abs(wall_ms - float(stamp) * 1000) > WINDOW_MS:
        return Refusal("60006", "Timestamp request expired")
    if not _same(str(login.get("apiKey", "")).encode(), credentials.key):
        return Refusal("60005", "Invalid apiKey")
    if not _same(str(login.get("passphrase", "")).encode(), credentials.passphrase):
        return Refusal("60024", "Wrong passphrase")
    if not _same(str(login.get("sign", "")).encode(), credentials.sign(f"{stamp}GET{LOGIN_PATH}".encode())):
        return Refusal("60007", "Invalid sign")
    return None


def iso_or_epoch_ms(stamp: str) -> int | None:
    """Milliseconds since 1970 of `2020-12-08T09:08:57.715Z` or `1607418537.715`; None when it is neither."""
    if _EPOCH.fullmatch(stamp):
        return round(float(stamp) * 1000)
    if not _ISO.fullmatch(stamp):
        return None
    try:
        return round(datetime.fromisoformat(stamp).timestamp() * 1000)
    except ValueError:
        return None


def _same(given: bytes, expected: str) -> bool:
    return hmac.compare_digest(given, expected.encode())
