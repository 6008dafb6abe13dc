"""What a client says on a socket, read and refused (okx.md §13)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.exchange.simulator.channel_feeds import Arg


class Refused(Exception):
    """An operation that ends in an `error` event."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def read_request(text: str) -> Mapping[str, Any]:
    try:
        request = json.loads(text)
    except ValueError:
        raise Refused("60012", f"Invalid request: {text}") from None
    if not isinstance(request, dict):
        raise Refused("60012", f"Invalid request: {text}")
    return request


def unknown(arg: Arg) -> Refused:
    named = ",".join(f"{name}:{value}" for name, value in arg.items())
    return Refused(
        "60018",
        f"Wrong URL or {named} doesn't exist. Please use the correct URL, channel and parameters referring to API "
        "document.",
    )


def concerns(arg: Arg, inst_id: str) -> bool:
    """Whether a subscription covers an instrument ("" = the whole account)."""
    if not inst_id:
        return True
    if arg.get("instId"):
        return arg["instId"] == inst_id
    if arg.get("instFamily"):
        return inst_id == f"{arg['instFamily']}-SWAP"
    return arg.get("instType", "ANY") in {"SWAP", "ANY"}
