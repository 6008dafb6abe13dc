"""What there is at the end of a scenario, by the venue's own books and by the home's, beside what must be."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.drill.scenario import Expect, inst
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.reasons import Reason

ZERO = Decimal(0)


@dataclass(slots=True)
class Observation:
    """`ledger` is the venue's (GET /sim/ledger); `blocked` by instrument id; `trades` are (instrument, state, reason)
    of the home's books; `state` is the daemon's, `codes` its exit codes and those of other runs of the program."""

    ledger: dict[str, Any]
    told: Sequence[str]
    reason: Reason | None = None
    blocked: dict[str, str] = field(default_factory=dict)
    halted: list[str] = field(default_factory=list)
    trades: list[tuple[str, str, str]] = field(default_factory=list)
    state: str = ""
    latch: str = ""
    codes: list[int] = field(default_factory=list)

    def contracts(self, inst_id: str) -> Decimal:
        """All that is open there, both sides added up."""
        return sum((abs(Decimal(p["pos"])) for p in self.ledger["positions"] if p["instId"] == inst_id), ZERO)

    def live_algos(self, inst_id: str) -> list[dict[str, Any]]:
        algos: list[dict[str, Any]] = self.ledger["algos"]
        return [algo for algo in algos if algo["instId"] == inst_id and algo["state"] == "live"]

    def covered(self, inst_id: str) -> bool:
        """Whether live reduce-only algos with both legs close at least what is open."""
        size, total = ZERO, self.contracts(inst_id)
        for algo in self.live_algos(inst_id):
            if algo["reduceOnly"] == "true" and algo["slTriggerPx"] and algo["tpTriggerPx"]:
                size += total if algo.get("closeFraction") == "1" else Decimal(algo["sz"] or "0")
        return size >= total

    def position_state(self, inst_id: str) -> str:
        if not self.contracts(inst_id):
            return "flat"
        return "protected" if self.covered(inst_id) else "naked"

    def unprotected_s(self, foreign: Iterable[str] = ()) -> float:
        """The longest time for which a position was larger than its cover, in wall seconds."""
        theirs = {inst(name) for name in foreign}
        spans = [float(span["seconds"]) for span in self.ledger["naked"] if span["instId"] not in theirs]
        return max(spans, default=0.0)

    def end_state(self, foreign: Iterable[str] = ()) -> str:
        """In one word or two: flat, protected, or what is worse."""
        theirs = {inst(name) for name in foreign}
        states = {self.position_state(p["instId"]) for p in self.ledger["positions"] if p["instId"] not in theirs}
        return " and ".join(sorted(states - {"flat"})) or "flat"


def look_at_home(home: Home, observation: Observation) -> None:
    """Adds what the home's own files say: its trades, its halts, its latch."""
    observation.latch = str(EntryLatch(home.storage).status().state)
    if not home.database.exists():
        return
    connection = sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)
    try:
        observation.trades = connection.execute(
            "SELECT inst_id, state, COALESCE(reason, '') FROM trades ORDER BY rowid"
        ).fetchall()
        observation.halted += [row[0] for row in connection.execute("SELECT reason FROM halts")]
    except sqlite3.Error as error:
        observation.told = [*observation.told, f"the database cannot be read: {error}"]
    finally:
        connection.close()


def look(home: Home, embedded: EmbeddedVenue, told: Sequence[str]) -> Observation:
    observation = Observation(embedded.ledger(), told)
    look_at_home(home, observation)
    return observation


def misses(expect: Expect, seen: Observation) -> list[str]:
    """What is not as the scenario says, in words."""
    return [text for text in _checks(expect, seen) if text]


def _checks(expect: Expect, seen: Observation) -> Iterable[str]:
    for name, wanted in expect.positions.items():
        state = seen.position_state(inst(name))
        fits = state == wanted or (wanted == "open" and state != "flat")
        yield "" if fits else f"{inst(name)} is {state}, not {wanted}"
    for name, count in expect.brackets.items():
        live = len(seen.live_algos(inst(name)))
        yield "" if live == count else f"{inst(name)} has {live} live brackets, not {count}"
    if expect.entry is not None and seen.reason not in expect.entry:
        yield f"the entry ended {seen.reason}, not {_names(expect.entry)}"
    if expect.entries is not None and len(seen.ledger["entries"]) != expect.entries:
        yield f"{len(seen.ledger['entries'])} entries were filled, not {expect.entries}"
    for what in ("orphans", "duplicates"):
        count, wanted_count = seen.ledger[what], getattr(expect, what)
        yield "" if count <= wanted_count else f"{count} {what}, at most {wanted_count} expected"
    longest = seen.unprotected_s(expect.foreign)
    yield "" if longest <= expect.max_unprotected_s else f"unprotected for {longest:.2f} s"
    yield from _engine_checks(expect, seen)


def _engine_checks(expect: Expect, seen: Observation) -> Iterable[str]:
    for name, reasons in expect.blocked.items():
        told = seen.blocked.get(inst(name), "nothing")
        yield "" if told in reasons else f"{inst(name)} is blocked by {told}, not {_names(reasons)}"
    if expect.halted is not None and not set(expect.halted) & set(seen.halted):
        yield f"halted by {_names(seen.halted)}, not {_names(expect.halted)}"
    if expect.closed_trades is not None:
        closed = [reason for _, state, reason in seen.trades if state == "closed"]
        yield (
            ""
            if Counter(closed) == Counter(expect.closed_trades)
            else (f"trades ended {_names(closed)}, not {_names(expect.closed_trades)}")
        )
    for text in expect.logs:
        yield "" if any(text in line for line in seen.told) else f"nobody said {text!r}"
    for what in ("state", "latch", "codes"):
        wanted, is_ = getattr(expect, what), getattr(seen, what)
        yield "" if wanted is None or wanted == is_ else f"{what} is {is_!r}, not {wanted!r}"


def _names(values: Iterable[str]) -> str:
    return " or ".join(map(str, values)) or "nothing"


def logged(home: Path) -> list[str]:
    """Every line of the home's own logs, for a program that runs in a process of its own."""
    lines: list[str] = []
    for path in sorted((home / "logs").glob("*.log")) + sorted((home / "logs").glob("*.jsonl")):
        lines += path.read_text(errors="replace").splitlines()
    status = home / "storage" / "status.json"
    if status.exists():
        lines += [str(e.get("text", "")) for e in json.loads(status.read_text())["snapshot"]["events"]]
    return lines
