"""Fuzzes the parser of a model's answers: `python -m bench.parser --inputs 1000000` prints one JSON line.

Inputs are bytes, mixtures of the grammar's pieces, mutations of valid answers and of the named failures, and answers
that are wrong by construction. Two things are counted and must be 0: exceptions other than the parser's own refusal,
and actions from invalid text. What is valid is judged by an oracle of its own: a strict reading of every JSON object
in the text that shares no code with the parser.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.synthesis.parser import AnswerInvalid, parse_answer
from engine.synthesis.port import Answer

CORPUS = Path(__file__).parents[1] / "tests" / "synthesis" / "corpus"
ACTIONS = ("BUY", "SELL", "HOLD")
NUMERIC = ("signals_aligned", "timeframes_aligned", "notional")
PIECES = (
    "{", "}", '"', "\\", "[", "]", ",", ":", " ", "\n", "```json", "<think>", "</think>", "NaN", "-1", "1e999", "null",
    "true", '"action"', '"BUY"', '"reasoning"', '"notional"', "｛", "｝", "“", "”", "\x00", "\u202e", "é", "0",
)  # fmt: skip
WRONG_VALUES = ('"7"', "null", "true", "-1", "[]", "{}", '""', "NaN", "-Infinity", "1e999", "1" + "0" * 40)
"""As JSON texts: neither a count nor a notional."""
WRONG_COUNTS = (*WRONG_VALUES, "99", "1.5", "7.0")
_DECODER = json.JSONDecoder()


@dataclass
class Findings:
    """What came of the inputs. The last two must stay empty."""

    inputs: int = 0
    answers: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    exceptions: list[str] = field(default_factory=list)
    from_invalid: list[str] = field(default_factory=list)


def valid(rng: random.Random) -> dict[str, object]:
    return {
        "action": rng.choice(ACTIONS),
        "signals_aligned": rng.randrange(16),
        "timeframes_aligned": rng.randrange(4),
        "reasoning": rng.choice(("1H and 4H up", 'he said "buy"', "RSI 61, {braces}", "é ☃", "a\\b")),
        "notional": rng.choice((0, 5, 12.5, 1e6)),
    }


def some_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(120))


def mixture(rng: random.Random) -> bytes:
    whole = json.dumps(valid(rng), allow_nan=False)
    return "".join(rng.choice((*PIECES, whole)) for _ in range(rng.randrange(1, 16))).encode("utf-8", "replace")


def mutated(rng: random.Random, corpus: list[bytes]) -> bytes:
    """One to four bytes replaced, inserted or taken out of a valid answer or of a named failure."""
    data = bytearray(rng.choice(corpus) if rng.random() < 0.5 else json.dumps(valid(rng), allow_nan=False).encode())
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(3)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            data.insert(at, rng.choice(b'{}[]":,\\0x \n-'))
        elif at < len(data):
            del data[at]
    return bytes(data)


def wrong(rng: random.Random) -> bytes:
    """Never a valid answer: cut, of a wrong value, of wrong keys, twice with two minds, or a list."""
    said = valid(rng)
    whole = json.dumps(said, allow_nan=False)
    kind = rng.randrange(5)
    if kind == 0:
        return whole[: rng.randrange(len(whole))].encode()
    if kind == 1:
        key = rng.choice(NUMERIC)
        value = rng.choice(WRONG_VALUES if key == "notional" else WRONG_COUNTS)
        return json.dumps(said | {key: "@"}, allow_nan=False).replace('"@"', value).encode()
    if kind == 2:
        said.pop(rng.choice(list(said)))
        return json.dumps(said, allow_nan=False).encode()
    if kind == 3:
        other = said | {"action": rng.choice([action for action in ACTIONS if action != said["action"]])}
        return f"{whole} {json.dumps(other, allow_nan=False)}".encode()
    return f"[{whole}]".encode()


def generated(inputs: int, seed: int, corpus: list[bytes]) -> Iterator[tuple[bytes, bool]]:
    """(text, whether it is wrong by construction)."""
    rng = random.Random(seed)  # noqa: S311 - the same inputs on every machine
    makers: tuple[tuple[Callable[[], bytes], bool], ...] = (
        (lambda: some_bytes(rng), False),
        (lambda: mixture(rng), False),
        (lambda: mutated(rng, corpus), False),
        (lambda: wrong(rng), True),
    )
    for number in range(inputs):
        make, is_wrong = makers[number % len(makers)]
        yield make(), is_wrong


def fuzz(inputs: int, seed: int = 1) -> Findings:
    corpus = [path.read_bytes() for path in sorted(CORPUS.glob("*__*.txt"))]
    findings = Findings()
    for text, is_wrong in generated(inputs, seed, corpus):
        findings.inputs += 1
        _try(text, is_wrong, findings)
    return findings


def _try(text: bytes, is_wrong: bool, findings: Findings) -> None:
    try:
        answer = parse_answer(text)
    except AnswerInvalid as refusal:
        findings.refusals[refusal.fault.value] += 1
        return
    except Exception as error:  # noqa: BLE001 - any other exception is what is looked for
        findings.exceptions.append(f"{type(error).__name__}: {text[:200]!r}")
        return
    findings.answers += 1
    if is_wrong or not stands_in(answer, text.decode("utf-8", "replace")):
        findings.from_invalid.append(repr(text[:200]))


def stands_in(answer: Answer, text: str) -> bool:
    """Some JSON object of the text, read strictly, says exactly this, and nothing behind the thoughts differs."""
    narrow = "".join(_narrow(char) for char in text)
    if len({word.upper() for word in re.findall(r'"action"\s*:\s*"(\w+)"', narrow.split("</think>")[-1], re.I)}) > 1:
        return False
    return any(_says(answer, found) for version in (text, narrow) for found in _objects(version))


def _objects(text: str) -> Iterator[dict[str, object]]:
    start = text.find("{")
    while start >= 0:
        try:
            found, _ = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            yield found
        start = text.find("{", start + 1)


def _says(answer: Answer, found: dict[str, object]) -> bool:
    signals, frames, notional = (found.get(key) for key in NUMERIC)
    return (
        set(found) == {"action", "reasoning", *NUMERIC}
        and found["action"] == answer.action.value
        and (type(signals), signals) == (int, answer.signals_aligned)
        and (type(frames), frames) == (int, answer.timeframes_aligned)
        and type(notional) in (int, float)
        and notional == answer.notional
        and math.isfinite(answer.notional)
        and isinstance(found["reasoning"], str)
        and 0 <= answer.signals_aligned <= 15
        and 0 <= answer.timeframes_aligned <= 3
    )


def _narrow(char: str) -> str:
    """Full-width forms and typographic quotes as their ASCII."""
    if "！" <= char <= "～":
        return chr(ord(char) - 0xFEE0)
    return {"“": '"', "”": '"', "、": ",", "\u3000": " "}.get(char, char)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.parser", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began, worked = time.perf_counter(), time.process_time()
    findings = fuzz(given.inputs, given.seed)
    figures = {
        "bench": "parser",
        "inputs": findings.inputs,
        "exceptions": len(findings.exceptions),
        "actions_from_invalid_text": len(findings.from_invalid),
        "answers": findings.answers,
        "refusals": dict(findings.refusals.most_common()),
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(time.process_time() - worked, 1),
        "seed": given.seed,
    }
    print(json.dumps(figures, allow_nan=False))
    for bad in (findings.exceptions + findings.from_invalid)[:10]:
        print(bad, file=sys.stderr)
    return 1 if findings.exceptions or findings.from_invalid else 0


if __name__ == "__main__":
    sys.exit(main())
