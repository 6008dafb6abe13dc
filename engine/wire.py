"""Events and commands as JSON lines, and back; NaN and infinities are refused on the way out."""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from engine.commands import Command
from engine.events import EngineSnapshot, Event


@cache
def _events() -> TypeAdapter[Event]:
    return TypeAdapter(Annotated[Event, Field(discriminator="kind")])


@cache
def _commands() -> TypeAdapter[Command]:
    return TypeAdapter(Annotated[Command, Field(discriminator="kind")])


@cache
def _snapshots() -> TypeAdapter[EngineSnapshot]:
    return TypeAdapter(EngineSnapshot)


def _line(adapter: TypeAdapter[Any], value: object) -> str:
    return json.dumps(adapter.dump_python(value, mode="json"), allow_nan=False, separators=(",", ":"))


def event_line(event: Event) -> str:
    """One JSON object without a newline."""
    return _line(_events(), event)


def read_event(line: str | bytes) -> Event:
    """Raises pydantic.ValidationError, naming the field, on anything that is not an event."""
    return _events().validate_json(line)


def command_line(command: Command) -> str:
    return _line(_commands(), command)


def read_command(line: str | bytes) -> Command:
    return _commands().validate_json(line)


def snapshot_line(snapshot: EngineSnapshot) -> str:
    return _line(_snapshots(), snapshot)


def read_snapshot(line: str | bytes) -> EngineSnapshot:
    return _snapshots().validate_json(line)
