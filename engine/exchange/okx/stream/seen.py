"""What has been told already: the venue repeats itself, after reconnects and out of order (okx.md §13)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

REMEMBERED = 4_000


class Seen:
    """The newest facts by subject (an order, a bracket, a position), the oldest forgotten first."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._facts: OrderedDict[Hashable, tuple[int, set[Any]]] = OrderedDict()

    def is_news(self, subject: Hashable, version: int, fact: Hashable) -> bool:
        """False for what was told before, and for an older version of what was told newer.

        `version` orders the facts of one subject (venue time in ms); two facts of one version are both news once.
        """
        newest, facts = self._facts.get(subject, (version, set()))
        if version > newest:
            facts = set()
        elif version < newest or fact in facts:
            return False
        self._facts[subject] = (version, facts | {fact})
        self._facts.move_to_end(subject)
        while len(self._facts) > self._remembered:
            self._facts.popitem(last=False)
        return True
