"""A venue that nobody is to ask: it may be handed around, and fails whoever does."""

from __future__ import annotations

from typing import Any


class Unasked:
    def __getattr__(self, name: str) -> Any:
        async def asked(*_: Any, **__: Any) -> Any:
            raise AssertionError(f"the venue was asked for {name}")

        return asked
