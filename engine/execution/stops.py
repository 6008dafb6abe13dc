"""What the venue's refusals stop, beside the call that met them: one table, error class → measure.

The call itself is dealt with where it was made (entry, exit, protector, resolver). Here stands what follows for
everything else: entries halt until a person resumes, or wait for a while, or only somebody is told. Exits, brackets
and the guard go on in every case; nothing is tried again here, so that no refusal can become a loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.clock import Clock
from engine.exchange.errors import ErrorClass, VenueFault
from engine.execution.blocks import ACCOUNT, Block, Blocks
from engine.execution.controls import Controls
from engine.reasons import Reason

SOURCE = "venue's word"
SHORTEST_S = 30.0
"""A block lasts that long by the wall also where the venue's time runs fast."""
QUIET_S = 60.0
"""The same refusal is told once in this time."""

OUTAGE_CODES = frozenset({"50001", "50013"})
OUTAGE_TIMES, OUTAGE_WITHIN_S, OUTAGE_LASTS_S = 3, 60.0, 60.0
"""So many of these within so long are no hiccup: entries wait until none has come for a while."""


class Look(StrEnum):
    """What must be read again before it can be relied on."""

    ACCOUNT = "account"
    SPECS = "specs"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Measure:
    """`reason` None = only told. `halts`: until a person resumes; else for `lasts_s` venue seconds. `everywhere`: the
    whole account; else only the instrument, and only told where the call named none. `reads`: also when a read met
    it."""

    why: str
    reason: Reason | None = None
    halts: bool = False
    lasts_s: float = 0.0
    everywhere: bool = True
    reads: bool = False
    look: Look | None = None
    level: str = "error"


DAY_S = 86_400.0

MEASURES: Mapping[ErrorClass, Measure] = {
    ErrorClass.AUTH: Measure(
        "the venue refuses the key; check .env, apis.okx.host and the key's settings",
        Reason.KEY_REFUSED, halts=True, reads=True,
    ),
    ErrorClass.PERMISSION: Measure(
        "the venue refuses the key's permissions or this machine's IP address",
        Reason.KEY_REFUSED, halts=True, reads=True,
    ),
    ErrorClass.ACCOUNT_HALT: Measure(
        "the venue has frozen or restricted the account", Reason.ACCOUNT_HALTED, halts=True, reads=True,
        look=Look.ACCOUNT,
    ),
    ErrorClass.CLOCK: Measure(
        "the venue refuses our time stamps, also after its clock was read; set this machine's clock",
        Reason.CLOCK_SKEW, lasts_s=60.0, reads=True, look=Look.CLOCK,
    ),
    ErrorClass.RISK_FROZEN: Measure(
        "the venue froze the account for a moment", Reason.RISK_FROZEN, lasts_s=300.0, reads=True, look=Look.ACCOUNT,
    ),
    ErrorClass.UPGRADE: Measure("the venue no longer takes this call", Reason.OUTDATED, lasts_s=DAY_S),
    ErrorClass.MODE: Measure(
        "the account is not set up as orders need it", Reason.ACCOUNT_CHANGED, lasts_s=300.0, everywhere=False,
        look=Look.ACCOUNT,
    ),
    ErrorClass.INSTRUMENT_OFF: Measure(
        "the instrument takes no orders", Reason.INSTRUMENT_OFF, lasts_s=3600.0, everywhere=False, look=Look.SPECS,
        level="warning",
    ),
    ErrorClass.SIZE_SMALL: Measure("the lot or the least size changed", look=Look.SPECS, level="warning"),
    ErrorClass.SIZE_BIG: Measure("the largest order or position changed", look=Look.SPECS, level="warning"),
    ErrorClass.PRICE_BAND: Measure("outside the price band", look=Look.SPECS, level="warning"),
    ErrorClass.OUR_BUG: Measure("refused as malformed: a mistake of this program, the log holds what was sent"),
    ErrorClass.UNCLASSIFIED: Measure("refused with a code that this program does not know"),
    ErrorClass.DEMO: Measure("demo trading does not offer this", level="warning"),
}  # fmt: skip
"""A class that is not here needs nothing beside what its own call does: okx.md §12."""


class VenueStops:
    """`hear` at once and without waiting; `settle` now and then. Used from one event loop."""

    def __init__(self, controls: Controls, blocks: Blocks, clock: Clock, tell: Callable[[str, str, str], None]) -> None:
        """`tell` takes level, text and instrument id ("" = none)."""
        self._controls = controls
        self._blocks = blocks
        self._clock = clock
        self._tell = tell
        self._until: dict[str, tuple[float, Block]] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._outages: list[float] = []
        self._looks: set[Look] = set()

    def hear(self, fault: VenueFault) -> None:
        """What this failure stops is in force when it returns. Never raises."""
        error, now = fault.error, self._clock.monotonic()
        if error.code[:5] in OUTAGE_CODES:
            self._count_outage(fault, now)
        measure = MEASURES.get(error.error_class)
        if measure is None or not (fault.write or measure.reads) or not error.code:
            return
        text = f"{measure.why}: {error}"
        if measure.look is not None:
            self._looks.add(measure.look)
        if measure.halts and measure.reason is not None:
            if self._controls.halt_now(measure.reason, text):
                self._tell(measure.level, f"entries are stopped until a person resumes them; {text}", "")
            return
        if measure.reason is not None and (measure.everywhere or fault.inst_id):
            self._block("" if measure.everywhere else fault.inst_id, measure, text, now)
        self._tell_once(measure.level, text, fault.inst_id, error.code, now)

    async def settle(self) -> None:
        """Lifts what has lasted long enough, and writes halts. Never raises."""
        now = self._clock.monotonic()
        over = [key for key, (until, _) in self._until.items() if until <= now]
        for key in over:
            del self._until[key]
        if over:
            self._publish_blocks()
        self._told = {key: at for key, at in self._told.items() if now - at < QUIET_S}
        try:
            await self._controls.keep_halts()
        except sqlite3.Error as error:
            self._tell_once("error", f"a halt is in force but not written: {error}", "", "", now)

    def take_looks(self) -> frozenset[Look]:
        """What must be read again; asked once."""
        looks, self._looks = frozenset(self._looks), set()
        return looks

    def _count_outage(self, fault: VenueFault, now: float) -> None:
        self._outages = [at for at in self._outages if now - at < OUTAGE_WITHIN_S] + [now]
        if len(self._outages) >= OUTAGE_TIMES:
            text = f"the venue says again and again that it does not serve: {fault.error}"
            self._hold(ACCOUNT, Block(Reason.MAINTENANCE, text), now + OUTAGE_LASTS_S)
            self._tell_once("error", text, "", "outage", now)

    def _block(self, inst_id: str, measure: Measure, text: str, now: float) -> None:
        assert measure.reason is not None
        lasts_s = max(SHORTEST_S, measure.lasts_s / max(1.0, self._clock.speed()))
        self._hold(inst_id or ACCOUNT, Block(measure.reason, text), now + lasts_s)

    def _hold(self, key: str, block: Block, until: float) -> None:
        known = self._until.get(key)
        if known is None or known[0] <= until:
            self._until[key] = (until, block)
        self._publish_blocks()

    def _publish_blocks(self) -> None:
        self._blocks.replace(SOURCE, {key: block for key, (_, block) in self._until.items()})

    def _tell_once(self, level: str, text: str, inst_id: str, code: str, now: float) -> None:
        if now - self._told.get((inst_id, code), -QUIET_S) >= QUIET_S:
            self._told[inst_id, code] = now
            self._tell(level, text, inst_id)
