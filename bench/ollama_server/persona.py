"""A stand-in for a model: it reads the brief as a sensible model would and answers by the rules of the prompt.

It parses the text alone, as a model has to; it shares no code with the rules mirror that it can be compared with.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_DIRECTION = re.compile(
    r"DIRECTION (?P<direction>\w+) streak (?P<streak>[+-]?\d+), signals (?P<up>\d+) up (?P<down>\d+) down of 15,"
    r" timeframes (?P<frames>\d) up of 3, score (?P<score>[+-][\d.]+)"
)
_FRAME = re.compile(r"^(4H|1H|15m) \([^)]*\): (.*)$", re.MULTILINE)
_VOTE = re.compile(r"\b(up|down)\b")


@dataclass(frozen=True)
class Thresholds:
    """As the prompt states them. Percentages per 8 h."""

    signals: int
    frames: int
    bearish: int
    veto_crypto: float
    veto_other: float
    crowded: float
    crowded_funding: float


def reply_to(system: str, user: str) -> str:
    """One JSON answer: the proposer's, or the devil's advocate's when a proposal follows the brief."""
    return _advise(user) if "\nPROPOSAL BUY" in user else _decide(_thresholds(system), user)


def _thresholds(system: str) -> Thresholds:
    veto_crypto, veto_other = _floats(r"([\d.]+)% or more vetoes BUY", system, 2)
    crowded, crowded_funding = re.findall(r"LONG/SHORT of ([\d.]+) or more with funding of ([\d.]+)%", system)[0]
    return Thresholds(
        signals=_int(r"at least (\d+) of 15", system),
        frames=_int(r"at least (\d+) of 3 timeframes", system),
        bearish=_int(r"for (\d+) or more bearish", system),
        veto_crypto=veto_crypto,
        veto_other=veto_other,
        crowded=float(crowded),
        crowded_funding=float(crowded_funding),
    )


def _decide(rules: Thresholds, user: str) -> str:
    seen = _DIRECTION.search(user)
    if seen is None:
        return _answer("HOLD", 0, 0, "no direction is known")
    up, frames = int(seen["up"]), int(seen["frames"])
    if "POSITION in position" in user:
        cycles = _int(r"bearish cycles (\d+)", user)
        leaves = seen["direction"] == "bearish" and cycles >= rules.bearish
        said = f"{seen['direction']} for {cycles} bearish cycles, score {seen['score']}"
        return _answer("SELL" if leaves else "HOLD", up, frames, said)
    against = _obstacle(rules, seen, user)
    said = against or f"{up} of 15 signals and {frames} of 3 timeframes up, score {seen['score']}"
    return _answer("HOLD" if against else "BUY", up, frames, said)


def _obstacle(rules: Thresholds, seen: re.Match[str], user: str) -> str:
    if seen["direction"] != "bullish":
        return f"the direction is {seen['direction']}, score {seen['score']}"
    if int(seen["up"]) < rules.signals or int(seen["frames"]) < rules.frames:
        return f"only {seen['up']} signals and {seen['frames']} timeframes are up"
    funding, crypto = _funding(user), "CLASS crypto" in user
    if funding is None:
        return ""
    if funding >= (rules.veto_crypto if crypto else rules.veto_other):
        return "funding vetoes a long"
    crowd = re.search(r"^LONG/SHORT .*?: ([\d.]+)", user, re.MULTILINE)
    if crypto and crowd and float(crowd[1]) >= rules.crowded and funding >= rules.crowded_funding:
        return f"longs are crowded at {crowd[1]}"
    return ""


def _funding(user: str) -> float | None:
    """Per cent per 8 h."""
    line = next((line for line in user.splitlines() if line.startswith("FUNDING")), "")
    scaled = re.search(r"\(([+-][\d.]+)% per 8h\)", line)
    plain = re.search(r": ([+-][\d.]+)% per 8h", line)
    found = scaled or plain
    return float(found[1]) if found else None


def _advise(user: str) -> str:
    leans = {name: _lean(said) for name, said in _FRAME.findall(user)}
    if leans.get("4H", 0) < 0:
        return _verdict("ABORT", "4H points down")
    if len(leans) < 3 or min(leans.values()) < 0:
        return _verdict("REDUCE_SIZE", "one timeframe is against it or unknown")
    return _verdict("PROCEED", "nothing of weight speaks against it")


def _lean(frame: str) -> int:
    """Votes up less votes down."""
    votes = _VOTE.findall(frame)
    return votes.count("up") - votes.count("down")


def _answer(action: str, signals: int, frames: int, reasoning: str) -> str:
    return json.dumps(
        {
            "action": action,
            "signals_aligned": signals,
            "timeframes_aligned": frames,
            "reasoning": f"{action}: {reasoning}.",
            "notional": 0 if action == "HOLD" else 100,
        },
        allow_nan=False,
    )


def _verdict(verdict: str, reasoning: str) -> str:
    return json.dumps({"verdict": verdict, "reasoning": reasoning}, allow_nan=False)


def _int(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, f"the prompt lacks {pattern}"
    return int(found[1])


def _floats(pattern: str, text: str, count: int) -> list[float]:
    found = [float(value) for value in re.findall(pattern, text)]
    assert len(found) == count, f"the prompt says {pattern} {len(found)} times"
    return found
