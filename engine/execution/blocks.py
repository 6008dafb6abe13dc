"""Why nothing may open on an instrument, or on the whole account: known to the gates and shown to the operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.reasons import Reason

ACCOUNT = "*"
"""Stands for every instrument."""


@dataclass(frozen=True, slots=True)
class Block:
    reason: Reason
    detail: str


class Blocks:
    """Each source states its whole view at once, so that a cause that has gone takes its block along."""

    def __init__(self) -> None:
        self._by_source: dict[str, dict[str, Block]] = {}

    def replace(self, source: str, blocks: Mapping[str, Block]) -> bool:
        """`source` now sees exactly these, by instrument id or ACCOUNT. True when its view changed."""
        changed = self._by_source.get(source, {}) != dict(blocks)
        self._by_source[source] = dict(blocks)
        return changed

    def of(self, inst_id: str) -> Block | None:
        """The first reason against an entry on `inst_id`; None = nothing is known against it."""
        for blocks in self._by_source.values():
            for key in (ACCOUNT, inst_id):
                if key in blocks:
                    return blocks[key]
        return None

    def on(self, key: str) -> tuple[Block, ...]:
        """What every source has against exactly this instrument id, or ACCOUNT."""
        return tuple(blocks[key] for blocks in self._by_source.values() if key in blocks)

    def all(self) -> Mapping[str, Block]:
        """One block an instrument, the first source's."""
        merged: dict[str, Block] = {}
        for blocks in reversed(self._by_source.values()):
            merged.update(blocks)
        return merged
