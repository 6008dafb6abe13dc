"""What the scripted server does at each call: steps in a row, and faults by the number of the call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

MODEL = "qwen3.5:4b"
DIGEST = "sha256:" + "ab" * 32
PERSONA = "persona"
HANG_S = 3600.0


@dataclass(frozen=True)
class Step:
    """One reply. `content` "persona" is written from the brief. `prompt_tokens` None = counted from the messages, -1 =
    left out; `status` other than 200 answers an error; `body` replaces the whole answer; `cut` closes the connection
    after that share of the reply; `fault` names one of FAULTS, which changes the reply."""

    content: str = ""
    delay_s: float = 0.0
    done_reason: str = "stop"
    prompt_tokens: int | None = None
    status: int = 200
    body: str | None = None
    thinking: str | None = None
    cut: float | None = None
    fault: str = ""


class ScriptError(Exception):
    """The script cannot be played; one line says why."""


def answer(action: str = "HOLD", **changes: Any) -> str:
    """A valid answer's text."""
    fields_ = {"action": action, "signals_aligned": 7, "timeframes_aligned": 2, "reasoning": "ok", "notional": 0}
    return json.dumps(fields_ | changes, allow_nan=False)


def advice(verdict: str = "PROCEED", reasoning: str = "ok") -> str:
    """A valid answer of the devil's advocate."""
    return json.dumps({"verdict": verdict, "reasoning": reasoning}, allow_nan=False)


def _other_action(text: str) -> str:
    spoken = json.loads(text)
    key = "action" if "action" in spoken else "verdict"
    return json.dumps(spoken | {key: "HOLD" if spoken[key] != "HOLD" else "BUY"}, allow_nan=False)


def _as_strings(text: str) -> str:
    return json.dumps({key: str(value) for key, value in json.loads(text).items()}, allow_nan=False)


def _full_width(text: str) -> str:
    return text.translate({ord(char): ord(char) + 0xFEE0 for char in '{}:,"'})


FAULTS: Mapping[str, Any] = {
    "schema ignored": lambda s: replace(s, content="**Decision:** BUY, because the trend is up."),
    "think block": lambda s: replace(s, content=f'<think>Perhaps {{"action": "SELL"}}?</think>\n{s.content}'),
    "thinking only": lambda s: replace(s, content="", thinking="Let me see. " * 40),
    "full width": lambda s: replace(s, content=_full_width(s.content)),
    "code fence": lambda s: replace(s, content=f"```json\n{s.content}\n```"),
    "array": lambda s: replace(s, content=f"[{s.content}]"),
    "trailing prose": lambda s: replace(s, content=f"{s.content}\nI hope this helps!"),
    "two answers": lambda s: replace(s, content=f"{s.content}\n{_other_action(s.content)}"),
    "numbers as strings": lambda s: replace(s, content=_as_strings(s.content)),
    "truncated head": lambda s: replace(s, prompt_tokens=64),
    "no token count": lambda s: replace(s, prompt_tokens=-1),
    "length": lambda s: replace(s, content=s.content[: len(s.content) // 2], done_reason="length"),
    "empty": lambda s: replace(s, content=""),
    "hang": lambda s: replace(s, delay_s=HANG_S),
    "disconnect": lambda s: replace(s, cut=0.5),
    "no reply": lambda s: replace(s, cut=0.0),
    "status 404": lambda s: replace(s, status=404),
    "status 500": lambda s: replace(s, status=500),
    "not JSON": lambda s: replace(s, body="<html><body>502 Bad Gateway</body></html>"),
}
"""What servers and small models were seen to do, by name."""


@dataclass(frozen=True)
class Script:
    """`steps` in a row, the last one repeating; `faults` by the number of the call, from 1. `digests` by the number
    of the call from which on the model has them: weights swapped under a running engine."""

    steps: tuple[Step, ...] = (Step(PERSONA),)
    faults: Mapping[int, str] = field(default_factory=dict)
    digests: Mapping[int, str] = field(default_factory=lambda: {1: DIGEST})
    models: tuple[str, ...] = (MODEL,)
    latency_s: float = 0.0
    context_length: int = 32_768

    def step(self, call: int) -> Step:
        """For the `call`th chat, from 1; its fault is applied once its content is known."""
        step = self.steps[min(call, len(self.steps)) - 1]
        return replace(step, delay_s=step.delay_s + self.latency_s, fault=self.faults.get(call, step.fault))

    def digest(self, calls: int) -> str:
        """After `calls` chats."""
        return self.digests[max((first for first in self.digests if first <= calls + 1), default=min(self.digests))]


def scripted(steps: Sequence[Step | str], models: Sequence[str] = (MODEL,)) -> Script:
    """Steps written short: a text is a step that says it."""
    return Script(tuple(Step(step) if isinstance(step, str) else step for step in steps), models=tuple(models))


def read_script(path: Path) -> Script:
    """From YAML or JSON. Raises ScriptError."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return script_of(document)
    except (OSError, yaml.YAMLError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ScriptError(f"{path}: {' '.join(str(error).split())[:200]}") from None


def script_of(document: Mapping[str, Any]) -> Script:
    """Raises ValueError on a key or a fault that is not known."""
    known = {name.name for name in fields(Script)}
    unknown = set(document) - known
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}; expected {sorted(known)}")
    found = dict(document)
    if "steps" in found:
        found["steps"] = tuple(_step(item) for item in found["steps"])
    for name in ("faults", "digests"):
        if name in found:
            found[name] = {int(call): str(value) for call, value in found[name].items()}
    if "models" in found:
        found["models"] = tuple(found["models"])
    script = Script(**found)
    named = set(script.faults.values()) | {step.fault for step in script.steps} - {""}
    if named - set(FAULTS):
        raise ValueError(f"unknown faults {sorted(named - set(FAULTS))}; expected {sorted(FAULTS)}")
    if not script.steps:
        raise ValueError("steps are empty")
    return script


def _step(item: Any) -> Step:
    """A text, {action: BUY, …}, {verdict: ABORT, …} or the fields of a Step."""
    if isinstance(item, str):
        return Step(item)
    given = dict(item)
    said = {key: given.pop(key) for key in list(given) if key not in {name.name for name in fields(Step)}}
    if "action" in said:
        return Step(answer(**said), **given)
    if "verdict" in said:
        return Step(advice(**said), **given)
    if said:
        raise ValueError(f"unknown keys {sorted(said)} in a step")
    return Step(**({"content": PERSONA} | given))
