"""What an audit can find, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """NAKED: a position of ours beyond its cover. DUPLICATE: a second entry or a second bracket. ORPHAN: a closing
    algo, or an order of ours, with nothing to close. UNLOGGED: money moved at the venue that the home's books lack.
    INVENTED: the books hold what the venue never did. CENT: sums that do not balance. UNSETTLED: an intent whose end
    nobody wrote. MISMATCH: the books' trades against the venue's positions."""

    NAKED = "naked"
    DUPLICATE = "duplicate"
    ORPHAN = "orphan"
    UNLOGGED = "unlogged"
    INVENTED = "invented"
    CENT = "cent"
    UNSETTLED = "unsettled"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True)
class Limits:
    """Wall seconds that pass as unavoidable: from a fill to the life of the bracket that rode on it, and from a close
    to the sweep of what it left. What is naked or orphaned when the record ends is always a finding."""

    naked_s: float = 2.0
    orphan_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`seconds` is wall time; `from_ms` and `to_ms` are venue time (None = still so when the record ends)."""

    kind: Kind
    inst_id: str
    detail: str
    seconds: float | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    def line(self) -> str:
        span = "" if self.seconds is None else f" {self.seconds:.3f} s"
        moment = "" if self.from_ms is None else f" [{self.from_ms} … {self.to_ms or 'the end'}]"
        return f"{self.kind.value:<10} {self.inst_id or '-':<16}{span} {self.detail}{moment}"


@dataclass(frozen=True, slots=True)
class Span:
    """A position of ours during which `bare` contracts (at most) had no stop or no target.

    Wall and venue ms; `to_wall` None = still so when the record ends.
    """

    inst_id: str
    contracts: str
    bare: str
    from_wall: int
    from_ms: int
    to_wall: int | None
    to_ms: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Audit:
    """`spans` are all naked spans, those within the limit too; `counts` says how much was looked at."""

    findings: tuple[Finding, ...]
    spans: tuple[Span, ...]
    counts: dict[str, int]
    history: bool

    @property
    def clean(self) -> bool:
        return not self.findings

    @property
    def longest_naked_s(self) -> float:
        return max((span.seconds for span in self.spans), default=0.0)

    def of(self, kind: Kind) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.kind is kind)

    def as_json(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "findings": [asdict(finding) for finding in self.findings],
            "naked": {
                "spans": [asdict(span) for span in self.spans],
                "longest_s": self.longest_naked_s,
                "total_s": round(sum(span.seconds for span in self.spans), 3),
            },
            "counts": self.counts,
            "history": self.history,
        }

    def lines(self) -> Iterable[str]:
        yield from (finding.line() for finding in self.findings)
        looked = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        source = "recomputed" if self.history else "by the venue's own list: the file has no history"
        yield f"looked at {looked}"
        yield f"naked: {len(self.spans)} span(s), longest {self.longest_naked_s:.3f} s ({source})"
        yield "clean" if self.clean else f"{len(self.findings)} finding(s)"
