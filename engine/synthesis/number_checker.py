"""Does the reasoning name numbers that it was given, or numbers of its own? Pure.

A number counts as given when some number of the sources (brief and rules) says the same: rounded or cut to the
digits that the reasoning shows, with either sign, and as a fraction, a percentage or basis points. Names such as
EMA50 are no numbers. The rate is a lower bound of what is invented: a small count can agree with something by chance.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_NUMBER = re.compile(
    r"(?<![A-Za-z_0-9.])(?P<digits>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
    r"\s?(?P<unit>%|percent\b|bps?\b)?"
)
PERCENT = 1e-2
_UNITS = {"%": PERCENT, "percent": PERCENT, "bp": 1e-4, "bps": 1e-4}


@dataclass(frozen=True, slots=True)
class Number:
    """`value` without its sign, in its own unit; `scale` what one unit is as a fraction, None = none was named."""

    text: str
    value: float
    decimals: int
    scale: float | None


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """How many numbers were named, and those that nobody gave, as written."""

    numbers: int
    invented: tuple[str, ...]

    @property
    def rate(self) -> float:
        """In [0, 1]; 0 when no number was named."""
        return len(self.invented) / self.numbers if self.numbers else 0.0


def check_numbers(reasoning: str, sources: Iterable[str]) -> NumberCheck:
    """Every number of `reasoning` against all numbers of `sources`. Raises for no text."""
    given = [number for source in sources for number in numbers_in(source)]
    named = numbers_in(reasoning)
    invented = tuple(number.text for number in named if not any(agrees(number, source) for source in given))
    return NumberCheck(len(named), invented)


@lru_cache(maxsize=64)
def numbers_in(text: str) -> tuple[Number, ...]:
    """The numbers as written. Cached: the rules are the same text for every ticker."""
    return tuple(_number(found) for found in _NUMBER.finditer(unicodedata.normalize("NFKC", text)))


def _number(found: re.Match[str]) -> Number:
    digits = found["digits"].replace(",", "")
    unit = found["unit"]
    decimals = len(digits.partition(".")[2])
    return Number(found[0].strip(), float(digits), decimals, None if unit is None else _UNITS[unit])


def agrees(named: Number, given: Number) -> bool:
    """Rounded or cut to `named`'s digits, `given` reads the same in one of the forms that it may take."""
    step = 10.0**-named.decimals
    slack = 1e-9 * max(1.0, named.value)
    return any(
        abs(form - named.value) <= step / 2 + slack or 0 <= form - named.value < step - slack
        for form in _forms(given, named.scale)
    )


def _forms(given: Number, scale: float | None) -> Iterable[float]:
    """`given` in the unit of `scale`. A unit that one of the two leaves out may be the other's, or a fraction; a count
    is never basis points."""
    if scale == given.scale:
        return (given.value,)
    if scale is None:
        assert given.scale is not None, "two numbers without a unit are of the same unit"
        return (given.value, given.value * given.scale)
    if given.scale is None:
        fraction = (given.value / scale,) if given.value <= 1 else ()
        return (*fraction, given.value) if scale == PERCENT else fraction
    return (given.value * given.scale / scale,)


@dataclass(frozen=True, slots=True)
class Counted:
    """One answer: how many numbers it named and how many of them nobody gave."""

    numbers: int
    invented: int


LATEST = 50
ENOUGH = 20
TWO = 2
"""One number that fits nowhere may be a difference that the model computed; two in one answer are a habit."""


class InventionRecord:
    """How freely the model has invented over its latest 50 answers."""

    def __init__(self, limit: float) -> None:
        """`limit` in [0, 1]: the highest share of invented numbers at which its buys still count; 1 = all do."""
        assert 0 <= limit <= 1
        self._limit = limit
        self._latest: deque[Counted] = deque(maxlen=LATEST)

    @property
    def numbers(self) -> int:
        return sum(counted.numbers for counted in self._latest)

    @property
    def rate(self) -> float | None:
        """None before 20 numbers were named: fewer prove nothing."""
        if self.numbers < ENOUGH:
            return None
        return sum(counted.invented for counted in self._latest) / self.numbers

    def objection(self, check: NumberCheck) -> str:
        """Notes one answer; why its BUY may not count, "" when it may."""
        self._latest.append(Counted(check.numbers, len(check.invented)))
        rate = self.rate
        if len(check.invented) >= TWO and check.rate > self._limit:
            which = ", ".join(check.invented[:5])
            return f"{len(check.invented)} of its {check.numbers} numbers stand nowhere: {which}"
        if rate is not None and rate > self._limit:
            return f"{rate:.0%} of its latest {self.numbers} numbers stand nowhere, {self._limit:.0%} is the limit"
        return ""

    def remember(self, latest: Iterable[Counted]) -> None:
        """What an earlier run noted of the same weights, oldest first: a restart is no fresh start."""
        self._latest = deque([*latest, *self._latest], maxlen=LATEST)

    def forget(self) -> None:
        """Other weights have another habit."""
        self._latest.clear()
