"""What a run may do otherwise than its settings say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How this run differs from the settings: `speed` None = as configured; `scheduled` False = cycles only
    when asked for; `keep_venue` leaves a simulated market running at the end; `record` keeps the event stream;
    `observe` looks without healing or trading; `cassette` answers in the place of the model's server;
    `wait_for_forecasts` lets each cycle wait for them, where there is no next one that could have them."""

    speed: float | None = None
    scheduled: bool = True
    retry_venue: bool = True
    keep_venue: bool = False
    record: Path | None = None
    observe: bool = False
    cassette: Path | None = None
    wait_for_forecasts: bool = False
