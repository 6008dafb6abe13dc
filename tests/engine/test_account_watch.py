"""The account is looked at again and again: what somebody changed blocks entries by name until it is put right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.account_watch import AccountWatch, account_problems
from engine.execution.blocks import ACCOUNT, Blocks
from engine.mode import Mode
from engine.model import AccountConfig
from engine.reasons import Reason
from engine.works import VenueRefused, check_account

SOUND = AccountConfig("2", True, frozenset({"read_only", "trade"}), True)


class Account:
    def __init__(self) -> None:
        self.config = SOUND

    async def account_config(self) -> AccountConfig:
        return self.config


CHANGES = [
    (replace(SOUND, net_mode=False), Mode.DEMO, Reason.ACCOUNT_CHANGED, "long/short mode"),
    (replace(SOUND, account_level="1"), Mode.PAPER, Reason.ACCOUNT_CHANGED, "account level is '1'"),
    (replace(SOUND, account_level="4"), Mode.LIVE, Reason.ACCOUNT_CHANGED, "account level is '4'"),
    (replace(SOUND, permissions=frozenset({"read_only"})), Mode.LIVE, Reason.KEY_REFUSED, "may not trade"),
    (replace(SOUND, permissions=frozenset({"trade", "withdraw"})), Mode.LIVE, Reason.KEY_REFUSED, "may withdraw"),
]


@pytest.mark.parametrize(("config", "mode", "reason", "text"), CHANGES)
async def test_a_change_blocks_every_ticker_until_it_is_put_right(
    config: AccountConfig, mode: Mode, reason: Reason, text: str
) -> None:
    account, blocks, said = Account(), Blocks(), list[tuple[str, str, str]]()
    watch = AccountWatch(account, blocks, mode, lambda *line: said.append(line))  # type: ignore[arg-type]
    await watch.look()
    assert said == []
    account.config = config
    await watch.look()
    await watch.look()
    [block] = blocks.on(ACCOUNT)
    assert block.reason is reason
    assert text in block.detail
    assert [(level, source) for level, source, _ in said] == [("error", "account")], "told once"
    account.config = SOUND
    await watch.look()
    assert blocks.on(ACCOUNT) == ()
    assert said[-1][0] == "info"


@pytest.mark.parametrize(("config", "mode", "reason", "text"), CHANGES)
def test_an_account_that_is_flat_is_refused_with_what_to_do(
    config: AccountConfig, mode: Mode, reason: Reason, text: str
) -> None:
    [problem] = account_problems(config, mode)
    assert problem[0] is reason
    with pytest.raises(VenueRefused, match=text):
        check_account(problem)


@pytest.mark.parametrize("level", ["2", "3"])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_sound_account_starts(mode: Mode, level: str) -> None:
    assert list(account_problems(replace(SOUND, account_level=level), mode)) == []


def test_a_demo_key_may_withdraw_what_is_not_money() -> None:
    assert list(account_problems(replace(SOUND, permissions=frozenset({"trade", "withdraw"})), Mode.PAPER)) == []


@pytest.mark.parametrize(("mode", "warned"), [(Mode.DEMO, 0), (Mode.PAPER, 1), (Mode.LIVE, 1)])
async def test_a_key_that_works_from_anywhere_is_warned_about_once(mode: Mode, warned: int) -> None:
    account, said = Account(), list[tuple[str, str, str]]()
    account.config = replace(SOUND, ip_bound=False)
    watch = AccountWatch(account, Blocks(), mode, lambda *line: said.append(line))  # type: ignore[arg-type]
    await watch.look()
    await watch.look()
    assert [level for level, _, _ in said] == ["warning"] * warned
