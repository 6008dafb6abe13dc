"""The engine's hand on the child: started, asked, given up, ended. Used from one event loop, by one task at a time
but for `watch`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

from engine.child_log import bound
from engine.config import ForecastSettings
from engine.forecast.pipe import Batch, answer_of, packed, quantiles_of
from engine.forecast.weights import Weights
from engine.model import FloatArray

CHILD = (sys.executable, "-m", "engine.forecast.child")
ROOT = Path(__file__).resolve().parents[2]
LINE_LIMIT = 4_000_000
END_S = 2.0
LOG_LIMIT = 1_000_000
"""Bytes of forecast.log, and of the one older copy beside it."""
LOG_LOOK_S = 10.0
SECRET = ("OKX_", "CYNOSURE_", "TELEGRAM_")
"""What the environment calls by these names is nothing that a model needs to know."""


class ForecasterDied(Exception):
    """The child ended, hangs, or refused to load; one line says which. Another may be started."""


class ForecastProcess:
    """A running child. Every method raises ForecasterDied when it is of no more use."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path | None) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self, within_s: float) -> tuple[str, float]:
        """Waits until the model is loaded: (device, seconds that it took)."""
        answer = await self._answer(within_s, "loading")
        try:
            return str(answer["device"]), float(answer["load_s"])
        except (KeyError, TypeError, ValueError) as error:
            raise ForecasterDied(f"it answered something else: {error!r}"[:200]) from error

    async def quantiles(self, batch: Batch, within_s: float) -> FloatArray:
        """(n, 10) at the end point: the mean, then the quantiles 10 % to 90 %."""
        self._stdin.write(packed(batch))
        answer = await self._answer(within_s, f"a batch of {len(batch.series)}")
        try:
            return quantiles_of(answer["quantiles"], len(batch.series))
        except (KeyError, TypeError, ValueError) as error:
            raise ForecasterDied(f"it answered something else: {error!r}"[:200]) from error

    async def watch(self) -> None:
        """Returns never: it waits for the end and raises ForecasterDied."""
        raise ForecasterDied(self._words(await self._process.wait()))

    async def bound_log(self) -> None:
        """Returns never: it keeps the log within its limit, whatever a library may have to say."""
        while True:
            await asyncio.sleep(LOG_LOOK_S)
            if self._log is not None:
                await asyncio.to_thread(bound, self._log, LOG_LIMIT)

    async def close(self) -> None:
        """Ends it: by the pipe, and by force when it does not hear. At most twice END_S: a driver may keep a process
        in the kernel, and the engine's own end does not wait for that."""
        self._stdin.close()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), END_S)
        finally:
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), END_S)

    async def _answer(self, within_s: float, what: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(within_s):
                answer = answer_of(await self._line())
        except TimeoutError:
            raise ForecasterDied(f"no answer to {what} within {within_s:g} s") from None
        except ValueError as error:
            raise ForecasterDied(f"it answered no JSON: {error}"[:200]) from error
        if "refused" in answer:
            raise ForecasterDied(str(answer["refused"]))
        return answer

    async def _line(self) -> bytes:
        with suppress(OSError):  # a pipe that nobody reads any more: its end says the same
            await self._stdin.drain()
        if line := await self._stdout.readline():
            return line
        raise ForecasterDied(self._words(await self._process.wait()))

    def _words(self, code: int) -> str:
        """How it ended, with its last words."""
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            memory = " (the machine may have run out of memory)" if -code == signal.SIGKILL else ""
            return f"the process was ended by {name}{memory}"
        return f"the process ended with exit code {code}{_last_words(self._log)}"


@asynccontextmanager
async def started(
    command: Sequence[str], environ: Mapping[str, str], log: Path | None
) -> AsyncIterator[ForecastProcess]:
    """A child in a session of its own (the terminal's Ctrl-C is not for it), ended on the way out."""
    with _opened(log) as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                env=dict(environ),
                limit=LINE_LIMIT,
                start_new_session=True,
            )
        except OSError as error:
            raise ForecasterDied(f"the process could not be started: {error}") from error
    child = ForecastProcess(process, log)
    try:
        yield child
    finally:
        await child.close()


def command_for(weights: Weights, settings: ForecastSettings, child: Sequence[str] = CHILD) -> list[str]:
    given = ["--device", settings.device, "--context", str(settings.context), "--threads", str(settings.threads)]
    return [*child, *(["--file", str(weights.file)] if weights.file else []), *given]


def environment_for(settings: ForecastSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Threads that sleep instead of spinning (a batch beside a busy core: 3.7 s instead of 6.8 s), no network unless
    asked for, no secrets. OpenMP reads these when torch is imported, so they stand before the process does."""
    kept = {name: value for name, value in environ.items() if not name.startswith(SECRET)}
    return {
        **kept,
        "PYTHONPATH": ":".join(filter(None, [str(ROOT), environ.get("PYTHONPATH", "")])),
        "OMP_NUM_THREADS": str(settings.threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "0",
        "HF_HUB_OFFLINE": "0" if settings.download else "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    } | ({"CUDA_VISIBLE_DEVICES": ""} if settings.device == "cpu" else {})


def _opened(log: Path | None) -> IO[bytes]:
    """Where the child's own output goes: never to the terminal that the cockpit paints on."""
    if log is None:
        return Path("/dev/null").open("wb")
    bound(log, LOG_LIMIT)
    return log.open("ab")


def _last_words(log: Path | None) -> str:
    if log is None:
        return ""
    with suppress(OSError):
        lines = log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:200]}" if lines else ""
    return ""
