"""The login of a private line (okx.md §2): the REST signature over a fixed path, with the time in unix seconds."""

from __future__ import annotations

import base64
import hashlib
import hmac

from engine.exchange.okx.sdk import OkxEndpoint

PATH = "/users/self/verify"


def login_arguments(endpoint: OkxEndpoint) -> dict[str, str]:
    """Valid for 30 s around the venue's wall time, to which the endpoint's clock is corrected. Never to be logged."""
    stamp = endpoint.clock.unix_s()
    digest = hmac.new(endpoint.secret.encode(), f"{stamp}GET{PATH}".encode(), hashlib.sha256).digest()
    return {
        "apiKey": endpoint.key,
        "passphrase": endpoint.passphrase,
        "timestamp": stamp,
        "sign": base64.b64encode(digest).decode(),
    }
