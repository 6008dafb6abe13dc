"""From whatever a model wrote to one valid answer, or to a named refusal. Nothing in between."""

from __future__ import annotations

import math
import re

from engine.model import Action, AdviceVerdict
from engine.synthesis.json_object import AnswerInvalid, Fault, read_object, shown
from engine.synthesis.port import Answer

__all__ = ["KEYS", "AnswerInvalid", "Fault", "parse_advice", "parse_answer"]

KEYS = ("action", "signals_aligned", "timeframes_aligned", "reasoning", "notional")
ADVICE_KEYS = ("verdict", "reasoning")
MAX_REASONING = 2_000
MAX_NOTIONAL = 1e12

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def parse_answer(text: str | bytes) -> Answer:
    """The answer in the first complete JSON object of `text`. Raises AnswerInvalid, and nothing else."""
    return read_object(text, "action", _answer)


def parse_advice(text: str | bytes) -> tuple[AdviceVerdict, str]:
    """The devil's advocate's verdict and why, under the same strictness. Raises AnswerInvalid, and nothing else."""
    return read_object(text, "verdict", _advice)


def _answer(found: dict[str, object]) -> Answer:
    _check_keys(found, KEYS)
    return Answer(
        action=_action(found["action"]),
        signals_aligned=_count("signals_aligned", found["signals_aligned"], 15),
        timeframes_aligned=_count("timeframes_aligned", found["timeframes_aligned"], 3),
        reasoning=_reasoning(found["reasoning"]),
        notional=_notional(found["notional"]),
    )


def _advice(found: dict[str, object]) -> tuple[AdviceVerdict, str]:
    _check_keys(found, ADVICE_KEYS)
    verdict = found["verdict"]
    if not isinstance(verdict, str) or verdict not in AdviceVerdict.__members__:
        raise _wrong("verdict", verdict, "ABORT, REDUCE_SIZE or PROCEED was expected")
    return AdviceVerdict(verdict), _reasoning(found["reasoning"])


def _check_keys(found: dict[str, object], keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in found]
    extra = [key for key in found if key not in keys]
    if missing or extra:
        detail = f"missing keys {missing}, unknown keys {shown(extra)}; exactly {list(keys)} were expected"
        raise AnswerInvalid(Fault.WRONG_KEYS, detail)


def _action(value: object) -> Action:
    if isinstance(value, str) and value in Action.__members__:
        return Action(value)
    raise _wrong("action", value, "BUY, SELL or HOLD was expected")


def _count(key: str, value: object, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    raise _wrong(key, value, f"an integer from 0 to {most} was expected")


def _reasoning(value: object) -> str:
    """Printable text: control and direction marks become blanks, unpaired surrogates question marks."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_REASONING:
        raise _wrong("reasoning", value, f"1 to {MAX_REASONING} characters were expected")
    return _CONTROL.sub(" ", value.encode("utf-8", "replace").decode("utf-8")).strip() or "-"


def _notional(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and isinstance(value, int | float) and 0 <= value <= MAX_NOTIONAL and math.isfinite(value):
        return float(value)
    raise _wrong("notional", value, "a number from 0 was expected")


def _wrong(key: str, value: object, wish: str) -> AnswerInvalid:
    return AnswerInvalid(Fault.WRONG_VALUE, f"{key} is {shown(value)}; {wish}")
