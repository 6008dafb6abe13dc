"""The one enum that says what kind of money is at stake, and everything that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """Where orders go. Nothing else in the program may decide flag, hosts, key names, colour or badge."""

    DEMO = "demo"
    PAPER = "paper"
    LIVE = "live"

    @property
    def profile(self) -> ModeProfile:
        return PROFILES[self]


@dataclass(frozen=True, slots=True)
class ModeProfile:
    """What follows from a mode.

    `flag` is OKX's x-simulated-trading switch ("1" demo trading, "0" production).
    `rest_host` is empty for the embedded simulator: its port is only known once it listens.
    """

    flag: str
    rest_host: str
    key_variables: tuple[str, str, str] | None
    real_money: bool
    badge: str
    colour_role: str


OKX_REST_HOST = "https://www.okx.com"
OKX_KEY_VARIABLES = ("OKX_API_KEY", "OKX_SECRET_KEY", "OKX_PASSPHRASE")

LIVE_ACKNOWLEDGEMENT = ("CYNOSURE_LIVE", "I-ACCEPT-THE-RISK")

PROFILES: dict[Mode, ModeProfile] = {
    Mode.DEMO: ModeProfile("1", "", None, False, "DEMO", "demo"),
    Mode.PAPER: ModeProfile("1", OKX_REST_HOST, OKX_KEY_VARIABLES, False, "PAPER", "paper"),
    Mode.LIVE: ModeProfile("0", OKX_REST_HOST, OKX_KEY_VARIABLES, True, "LIVE", "live"),
}
