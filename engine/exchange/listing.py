"""A list of the whole market by one call, of which each instrument takes its own row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from engine.exchange.errors import ErrorClass, Unavailable

Read = TypeVar("Read")


class Listing(Generic[Read]):
    """Rows by instrument id, each read when it is asked for: one that cannot be is its own instrument's trouble, and
    of two hundred nobody pays for more than the watched ones."""

    def __init__(self, name: str, rows: Mapping[str, Any], read: Callable[[Any], Read]) -> None:
        self._name = name
        self._rows = rows
        self._read = read

    def of(self, inst_id: str) -> Read:
        """Raises Unavailable for an instrument that is not listed, or whose row cannot be read."""
        row = self._rows.get(inst_id)
        if row is None:
            raise Unavailable(f"{inst_id} is not in the venue's list of {self._name}", "", ErrorClass.NOT_FOUND)
        return self._read(row)
