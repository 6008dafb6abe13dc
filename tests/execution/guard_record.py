"""What the guard says, asks and writes, as lines that a person can read and compare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from engine.clock import Clock
from engine.events import BracketHealed, Event, LogLine, PositionsChanged
from engine.execution.ids import DIGEST_LENGTH, entry_id
from engine.model import ProtectedPosition

_OURS = re.compile(rf"cyn([a-z])([0-9a-z]{{2,4}})([a-z2-7]{{{DIGEST_LENGTH}}})")
_LONG_NUMBER = re.compile(r"\b\d{15,}\b")
_MOMENT = re.compile(r"\b17\d{11}\b")
_ROLES = {"e": "entry", "b": "bracket", "x": "exit"}
_SUFFIX = "-USDT-SWAP"

INTENT_STEPS = (
    "SELECT client_id, from_state, to_state, e.detail, reason FROM intent_events e JOIN intents USING (client_id)"
    " WHERE e.id > ? ORDER BY e.id"
)
BRACKET_STEPS = (
    "SELECT rowid, client_id, from_state, to_state, detail FROM bracket_events WHERE rowid > ? ORDER BY rowid"
)
TRADES = "SELECT trade_id, inst_id, state, stop, target FROM trades ORDER BY rowid"


class Record:
    """`begin`, then whatever happens, then `end`; `lines` are all that was recorded."""

    def __init__(self, clock: Clock, disk: Any) -> None:
        self._clock, self._disk = clock, disk
        self.lines: list[str] = []
        self._decisions: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._on = False
        self._began_ms = 0
        self._marks = (0, 0)
        self._trades: set[str] = set()

    def knows(self, decision: str) -> None:
        self._decisions[entry_id(decision)[-DIGEST_LENGTH:]] = decision

    # ---------------------------------------------------------------- from begin to end

    def begin(self, note: str) -> None:
        if note:
            self.lines.append(f"  -- {note}")
        self._on, self._began_ms = True, self._clock.now_ms()
        self._marks, self._trades = self._written(), set(self._books())

    def end(self, desk: Any, outcome: str) -> None:
        self._on = False
        after_intents, after_brackets = self._marks
        for row in self._disk.real.execute(INTENT_STEPS, (after_intents,)):
            step = f"{row['from_state'] or row['reason']} → {row['to_state']}"
            self._say("journal", f"{row['client_id']}: {step}: {row['detail']}")
        for row in self._disk.real.execute(BRACKET_STEPS, (after_brackets,)):
            self._say("journal", f"{row['client_id']}: {row['from_state']} → {row['to_state']}: {row['detail']}")
        for line in self._books():
            if line not in self._trades:
                self._say("books", line)
        for key, block in sorted(desk.blocks.all().items()):
            on = desk.blocks.on(key)
            self._say("blocked", f"{key}: " + "; ".join(f"{b.reason.value}: {b.detail}" for b in on))
            assert block in on
        for row in desk.fates.pending:
            self._say("unlisted", f"{row.client_id} ({row.state.value})")
        self._say("report", outcome)

    def _written(self) -> tuple[int, int]:
        last = [self._disk.real.execute(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()[0]  # noqa: S608
                for column, table in (("id", "intent_events"), ("rowid", "bracket_events"))]  # fmt: skip
        return last[0], last[1]

    def _books(self) -> list[str]:
        rows = self._disk.real.execute(TRADES)
        return [
            f"{r['trade_id']} {r['inst_id']}: {r['state']}, stop {r['stop']}, target {r['target']}" for r in rows
        ]  # fmt: skip

    # ---------------------------------------------------------------- what happens

    def call(self, name: str, args: Iterable[Any], kwargs: dict[str, Any], loose: bool) -> None:
        """`loose`: it should be asked under the instrument's lock, and is not."""
        if not self._on:
            return
        given = [_plain(value) for value in args] + [f"{k}={_plain(v)}" for k, v in kwargs.items() if v is not None]
        self._say("asks", f"{name}({', '.join(given)}){' WITHOUT THE LOCK' if loose else ''}")

    def event(self, event: Event) -> None:
        if not self._on:
            return
        if isinstance(event, LogLine):
            self._say("logs", f"{event.level} {event.source} [{event.ticker}] {event.text}{self._at(event.ts)}")
        elif isinstance(event, BracketHealed):
            self._say("tells", f"{event.kind} [{event.ticker}] {event.action}: {event.detail}{self._at(event.ts)}")
        elif isinstance(event, PositionsChanged):
            self._say("tells", f"{event.kind}, {len(event.positions)}{self._at(event.ts)}")
            for view in event.positions:
                self._say("shows", self._view(view))
        else:
            told = {f.name: getattr(event, f.name) for f in fields(event) if f.name not in ("kind", "ts")}
            self._say("tells", f"{event.kind} " + " ".join(f"{k}={_plain(v)}" for k, v in told.items()))

    def _at(self, ts: Any) -> str:
        """Nothing where the time is now."""
        return "" if ts == self._clock.now_ms() else f" (told at {ts!r})"

    def _view(self, view: ProtectedPosition) -> str:
        position = view.position
        held = f"{view.ticker} {position.contracts:f} at {position.entry_price:f} {position.margin_mode}"
        legs = f"stop {_plain(view.stop)}, target {_plain(view.target)} by [{view.bracket_id}]"
        seen = "" if self._began_ms <= view.verified_at <= self._clock.now_ms() else f" verified at {view.verified_at}"
        said = f' "{view.detail}"' if view.detail else ""
        return f"{held}: {view.protection.value}, {legs}, trade [{view.trade_id}]{seen}{said}"

    # ---------------------------------------------------------------- words

    def _say(self, who: str, text: str) -> None:
        line = f"  {who:8} {self._named(text)}"
        last = self.lines[-1] if self.lines else ""
        if last == line or last.startswith(f"{line} ×"):
            times = int(last.rpartition("×")[2]) if last != line else 1
            self.lines[-1] = f"{line} ×{times + 1}"
        else:
            self.lines.append(line)

    def _named(self, text: str) -> str:
        text = _OURS.sub(self._name_of_ours, text)
        text = _MOMENT.sub("<ms>", text)
        text = _LONG_NUMBER.sub(lambda found: self._number(found[0]), text)
        return text.replace(_SUFFIX, "")

    def _name_of_ours(self, found: re.Match[str]) -> str:
        decision = self._decisions.get(found[3], "?")
        return f"<{_ROLES.get(found[1], found[1])} {int(found[2], 36)} of {decision}>"

    def _number(self, number: str) -> str:
        return self._numbers.setdefault(number, f"#{len(self._numbers) + 1}")


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_plain(one) for one in value) + "]"
    if is_dataclass(value):
        given = {f.name: getattr(value, f.name) for f in fields(value)}
        return " ".join(f"{k}={_plain(v)}" for k, v in given.items() if v not in (None, "", False))
    return str(value)
