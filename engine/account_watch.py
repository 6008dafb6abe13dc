"""Whether the account still is as it was at the start: position mode, level, the key's permissions.

A person, another program or the venue may change any of them while the engine runs. What is found blocks entries
under its own name until it is put right; exits and brackets go on. Leverage and margin mode of what is open are the
guard's (execution/upkeep.py), since it reads positions anyway; so are orders and positions of strangers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.exchange.port import Trading
from engine.execution.blocks import ACCOUNT, Block, Blocks
from engine.mode import Mode
from engine.model import AccountConfig
from engine.reasons import Reason

SOURCE = "account"
LEVELS = ("2", "3")


class AccountWatch:
    """`look` now and then, and when the venue's words suggest a change."""

    def __init__(self, exchange: Trading, blocks: Blocks, mode: Mode, tell: Callable[[str, str, str], None]) -> None:
        """`tell` takes level, source and text."""
        self._exchange = exchange
        self._blocks = blocks
        self._mode = mode
        self._tell = tell
        self._unbound_told = False

    async def look(self) -> None:
        """Raises ExchangeError; what was found last then still counts."""
        config = await self._exchange.account_config()
        problem = next(account_problems(config, self._mode), None)
        found = {ACCOUNT: Block(*problem)} if problem is not None else {}
        if self._blocks.replace(SOURCE, found):
            level, text = ("error", problem[1]) if problem is not None else ("info", "it is as it must be again")
            self._tell(level, "account", text)
        self._warn_unbound(config)

    def _warn_unbound(self, config: AccountConfig) -> None:
        """OKX lets keys without an IP address lapse after 14 idle days; a stolen one works from anywhere."""
        if self._mode is not Mode.DEMO and not config.ip_bound and not self._unbound_told:
            self._unbound_told = True
            self._tell("warning", "account", "the API key is bound to no IP address; bind it to this machine's")


def account_problems(config: AccountConfig, mode: Mode) -> Iterator[tuple[Reason, str]]:
    """What of the account's set-up this program cannot trade with, each with what to do."""
    if not config.net_mode:
        yield (
            Reason.ACCOUNT_CHANGED,
            "the OKX account is in long/short mode; set it to net mode (Settings > Position mode)",
        )
    if "trade" not in config.permissions:
        yield Reason.KEY_REFUSED, "the OKX API key may not trade; give it the Trade permission"
    if mode.profile.real_money and "withdraw" in config.permissions:
        yield (
            Reason.KEY_REFUSED,
            "the OKX API key may withdraw; make one without that permission, it is never needed",
        )
    if config.account_level not in LEVELS:
        yield (
            Reason.ACCOUNT_CHANGED,
            f"the OKX account level is {config.account_level!r}; "
            "futures mode (2) or multi-currency margin (3) is needed",
        )
