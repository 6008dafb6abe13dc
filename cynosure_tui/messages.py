"""What the link's thread and the command threads tell the app; `post_message` is the only bridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from engine.commands import Ack, Command
    from engine.events import EngineSnapshot, Event


@dataclass
class EngineBatch(Message):
    """Everything since the last batch, in order: one message, one repaint."""

    events: list[Event]


@dataclass
class SnapshotLoaded(Message):
    snapshot: EngineSnapshot


@dataclass
class LinkFailed(Message):
    """The engine cannot be watched any more; `text` is one line for a person."""

    text: str


@dataclass
class CommandAnswered(Message):
    command: Command
    ack: Ack
