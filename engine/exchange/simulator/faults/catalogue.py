"""All kinds with their parameters, and the reading of one fault from its written form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from engine.exchange.simulator.faults import acts, feeds, orders, requests, sockets
from engine.exchange.simulator.faults.spec import Fault, FaultKind, Params, Part, When

PARAMS: Mapping[FaultKind, type[Params]] = {
    **requests.PARAMS,
    **orders.PARAMS,
    **acts.PARAMS,
    **sockets.PARAMS,
    **feeds.PARAMS,
}
"""Every layer's kinds."""

_Shape = TypeVar("_Shape", bound=Part)
_COMMON = ("kind", "when", "after_s")


class FaultError(ValueError):
    """A fault that cannot be understood: one line that names the entry, the key and what is allowed."""


def read_fault(entry: Any, place: str = "fault") -> Fault:
    """The fault of its written form. `place` names the entry in the error. Raises FaultError."""
    if not isinstance(entry, Mapping):
        raise FaultError(f"{place}: expected an object with a 'kind', got {entry!r}")
    kind = _kind(entry.get("kind"), place)
    place = f"{place} ({kind})"
    own = {name: value for name, value in entry.items() if name not in _COMMON}
    params = _read(PARAMS[kind], own, place, _COMMON)
    when = _read(When, entry.get("when") or {}, f"{place}: when", ())
    return Fault(kind, params, when, _after_s(entry.get("after_s", 0), place))


def read_faults(document: Any) -> tuple[int, tuple[Fault, ...]]:
    """(seed, faults) of `{seed?, faults: [...]}`. Raises FaultError."""
    if not isinstance(document, Mapping):
        raise FaultError("expected an object with 'seed' and 'faults'")
    unknown = sorted(set(document) - {"seed", "faults"})
    if unknown:
        raise FaultError(f"'{unknown[0]}': unknown key; allowed: seed, faults")
    seed, entries = document.get("seed", 0), document.get("faults") or []
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise FaultError(f"'seed': expected a whole number ≥ 0, got {seed!r}")
    if not isinstance(entries, list):
        raise FaultError(f"'faults': expected a list, got {entries!r}")
    return seed, tuple(read_fault(entry, f"fault {index}") for index, entry in enumerate(entries, 1))


def _kind(value: Any, place: str) -> FaultKind:
    if not isinstance(value, str) or value not in PARAMS:
        known = ", ".join(sorted(PARAMS))
        raise FaultError(f"{place}: 'kind': {value!r} is no kind of fault; allowed: {known}")
    return FaultKind(value)


def _after_s(value: Any, place: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 86_400:
        raise FaultError(f"{place}: 'after_s': expected seconds in 0 … 86400, got {value!r}")
    return float(value)


def _read(shape: type[_Shape], values: Any, place: str, also: tuple[str, ...]) -> _Shape:
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise FaultError(f"{place}: {_first(error, shape, also)}") from None


def _first(error: ValidationError, shape: type[Part], also: tuple[str, ...]) -> str:
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"'{key}': unknown key; allowed: {', '.join([*shape.model_fields, *also])}"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    if problem["type"] == "missing":
        return f"'{key}': {message}"
    return f"'{key}': {message}, got {problem['input']!r}" if key else message
