"""What a scenario's `do` may say: one key a step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bench.drill import breakage
from bench.drill.daemon_driver import DaemonDriver
from bench.drill.desk_driver import DeskDriver
from bench.drill.hearing import hearing
from bench.drill.line import Line
from bench.drill.observation import Observation, logged, look, misses
from bench.drill.scenario import Expect, Scenario, ScenarioError
from engine.exchange.errors import ExchangeError

Driver = DeskDriver | DaemonDriver
Step = Callable[[Any, Any], Awaitable[None]]

POLL_S = 0.25


def seen_by(driver: Driver) -> Observation:
    """How things stand now."""
    if isinstance(driver, DaemonDriver):
        observation = look(driver.home, driver.found(), logged(driver.home.root))
        observation.state, observation.codes = driver.state(), list(driver.codes)
        return observation
    observation = look(driver.home, driver.embedded, driver.told())
    observation.reason = driver.reasons[-1] if driver.reasons else None
    observation.blocked = {inst_id: str(block.reason) for inst_id, block in driver.desk.blocks.all().items()}
    observation.halted = [str(halt.reason) for halt in driver.desk.controls.halts]
    return observation


async def play(driver: Driver, steps: list[dict[str, Any]]) -> None:
    """One after the other. Raises ScenarioError for an unknown step, AssertionError for a broken `expect_now`."""
    known = _DAEMON if isinstance(driver, DaemonDriver) else _DESK
    for step in steps:
        name, value = next(iter(step.items()))
        if name not in known:
            raise ScenarioError(f"no such step: {name!r}; known: {', '.join(sorted(known))}")
        await known[name](driver, value)


def check_steps(scenario: Scenario) -> None:
    """Raises ScenarioError for a step that the scenario's driver does not know."""
    known = _DAEMON if scenario.driver == "daemon" else _DESK
    for step in scenario.do:
        name = next(iter(step))
        if name not in known:
            raise ScenarioError(f"{scenario.name}: no such step: {name!r}; known: {', '.join(sorted(known))}")


# ---------------------------------------------------------------- both drivers


async def _wait(_: Driver, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _fault(driver: Driver, fault: Mapping[str, Any]) -> None:
    """One fault, or {"faults": [...]}, armed now."""
    await asyncio.to_thread(driver.embedded.arm_faults, dict(fault))


async def _clear_faults(driver: Driver, _: object) -> None:
    await asyncio.to_thread(driver.embedded.clear_faults)


async def _advance(driver: Driver, ms: int) -> None:
    await asyncio.to_thread(driver.embedded.advance, ms=ms)
    if isinstance(driver, DeskDriver):
        await driver.venue.sync_clock()


async def _speed(driver: Driver, speed: float) -> None:
    await asyncio.to_thread(driver.embedded.set_speed, speed)
    if isinstance(driver, DeskDriver):
        await driver.venue.sync_clock()


async def _expect_now(driver: Driver, wanted: Mapping[str, Any]) -> None:
    expect = Expect.model_validate(wanted)
    wrong = misses(expect, await asyncio.to_thread(seen_by, driver))
    assert not wrong, "; ".join(wrong)


async def _until(driver: Driver, wanted: Mapping[str, Any]) -> None:
    """As `expect_now`, but it may take up to `within_s` (30) seconds; a desk's guard and reconciler work meanwhile."""
    given = dict(wanted)
    loop = asyncio.get_running_loop()
    end = loop.time() + float(given.pop("within_s", 30))
    expect = Expect.model_validate(given)
    while True:
        wrong = misses(expect, await asyncio.to_thread(seen_by, driver))
        if not wrong:
            return
        assert loop.time() < end, "; ".join(wrong)
        if isinstance(driver, DeskDriver):
            await driver.watch(POLL_S)
        else:
            await asyncio.sleep(POLL_S)


# ---------------------------------------------------------------- the desk


async def _enter(driver: DeskDriver, value: str | Mapping[str, Any]) -> None:
    """`BTC`, or {inst, usdt, stop_pct, decision}."""
    given = {"inst": value} if isinstance(value, str) else dict(value)
    await driver.enter(given.pop("inst"), **given)


async def _close(driver: DeskDriver, name: str) -> None:
    await driver.close(name)


async def _guard(driver: DeskDriver, passes: int) -> None:
    await driver.guard(passes)


async def _look(driver: DeskDriver, passes: int) -> None:
    """Status page, account set-up, the clock."""
    for _ in range(passes):
        await driver.look()


async def _watch(driver: DeskDriver, seconds: float) -> None:
    await driver.watch(seconds)


async def _reconcile(driver: DeskDriver, passes: int) -> None:
    for _ in range(passes):
        await driver.desk.reconcile()


async def _sync(driver: DeskDriver, _: object) -> None:
    """The books are brought up to date; what cannot be read is told, as the engine's job does."""
    await driver.venue.sync_clock()
    try:
        await driver.desk.sync_outcomes()
    except ExchangeError as error:
        driver.details.append(f"sync: {error}")


async def _restart(driver: DeskDriver, _: object) -> None:
    await driver.restart()


async def _kill(driver: DeskDriver, flatten: bool) -> None:
    await driver.kill(flatten)


async def _resume(driver: DeskDriver, _: object) -> None:
    await asyncio.to_thread(driver.desk.latch.resume, "drill")


async def _respecify(driver: DeskDriver, _: object) -> None:
    await driver.respecify()


async def _line(driver: DeskDriver, value: Mapping[str, Any]) -> None:
    """{fault: dns | tls, method, path, times}: the next requests never leave this machine."""
    driver.lines.append(Line(**value))


async def _together(driver: DeskDriver, steps: list[dict[str, Any]]) -> None:
    """All of them at once."""
    async with asyncio.TaskGroup() as tasks:
        for step in steps:
            tasks.create_task(play(driver, [step]))


async def _listen(driver: DeskDriver, value: Mapping[str, Any]) -> None:
    """{books: [..], at_most: n, do: [..]}: meanwhile the venue's pushes, and nothing else, make the guard look. Each
    socket may be opened `at_most` times (1)."""
    async with hearing(driver, value.get("books", [])) as heard:
        await play(driver, value["do"])
        await heard.check(int(value.get("at_most", 1)))


# ---------------------------------------------------------------- the daemon


async def _start(driver: DaemonDriver, _: object) -> None:
    await asyncio.to_thread(driver.start)


async def _signal(driver: DaemonDriver, name: str) -> None:
    await asyncio.to_thread(driver.signal, name)


async def _run(driver: DaemonDriver, flags: str) -> None:
    await asyncio.to_thread(driver.run, *flags.split())


async def _running(driver: DaemonDriver, within_s: float) -> None:
    """Waits for the program to trade."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while driver.state() not in {"running", "reducing"}:
        assert loop.time() < end, f"the engine is {driver.state() or 'silent'} after {within_s:g} s"
        assert driver.process is None or driver.process.poll() is None, "the program ended"
        await asyncio.sleep(POLL_S)


async def _write(driver: DaemonDriver, files: Mapping[str, str]) -> None:
    """{path in the home: text}."""
    for name, text in files.items():
        path = driver.home.root / name
        await asyncio.to_thread(path.write_text, text)


_BOTH: dict[str, Step] = {
    "wait_s": _wait, "fault": _fault, "clear_faults": _clear_faults, "advance_ms": _advance, "set_speed": _speed,
    "expect_now": _expect_now, "until": _until,
}  # fmt: skip
_DESK: dict[str, Step] = {
    **_BOTH, "enter": _enter, "close": _close, "guard": _guard, "look": _look, "watch_s": _watch,
    "reconcile": _reconcile, "sync": _sync, "restart": _restart, "kill": _kill, "resume": _resume,
    "respecify": _respecify, "line": _line, "together": _together, "listen": _listen,
}  # fmt: skip
_DAEMON: dict[str, Step] = {
    **_BOTH, "start": _start, "signal": _signal, "run": _run, "running": _running, "write": _write,
    "crash": breakage.crash, "lock_db": breakage.lock_db, "disk_full": breakage.disk_full, "model": breakage.model,
    "venue_dies": breakage.venue_dies,
}  # fmt: skip
