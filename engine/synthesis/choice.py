"""Which synthesizer answers: the one the user chose, and in demo mode the rules while no Ollama does."""

from __future__ import annotations

from engine.clock import Clock
from engine.config import Settings
from engine.mode import Mode
from engine.model import Synthesis
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.ollama_client import OllamaSynthesizer
from engine.synthesis.port import SynthesisRequest, Synthesizer
from engine.synthesis.rules import RulesSynthesizer

REPROBE_S = 30.0


class ChosenSynthesizer:
    """Delegates to `primary`; where a `fallback` is allowed, to it while the primary is not there."""

    def __init__(
        self, primary: Synthesizer, probe: OllamaSynthesizer | None, fallback: Synthesizer | None, clock: Clock
    ):
        self._primary = primary
        self._probe = probe
        self._fallback = fallback
        self._clock = clock
        self._available = True
        self._probed_at = float("-inf")

    async def synthesize(self, request: SynthesisRequest) -> Synthesis:
        if self._fallback is not None and not await self.available():
            return await self._fallback.synthesize(request)
        return await self._primary.synthesize(request)

    async def available(self) -> bool:
        """Does the primary answer? Asked at most every 30 s of wall time."""
        if self._probe is None:
            return True
        now = self._clock.monotonic()
        if now - self._probed_at > REPROBE_S:
            self._probed_at = now
            self._available = await self._probe.available()
        return self._available

    async def describe(self) -> tuple[str, str]:
        """Health word and detail for the status line: who answers at present."""
        if self._probe is None:
            return "ok", "rules"
        if await self.available():
            return "ok", "ollama"
        return ("off", "rules: no Ollama answers") if self._fallback is not None else ("down", "Ollama does not answer")

    async def aclose(self) -> None:
        if self._probe is not None:
            await self._probe.aclose()


def doctrine_of(settings: Settings) -> Doctrine:
    """The prompt and the rules state the same thresholds that the gates enforce."""
    return Doctrine(
        min_signals=settings.risk.min_signals_aligned,
        min_timeframes=settings.risk.min_timeframes_aligned,
        min_bearish_cycles=settings.trading.min_bearish_cycles_for_exit,
    )


async def choose_synthesizer(settings: Settings, clock: Clock) -> ChosenSynthesizer:
    """In paper and live a missing model means HOLD for entries unless the user chose `rules`."""
    doctrine = doctrine_of(settings)
    rules = RulesSynthesizer(doctrine)
    if settings.llm.backend == "rules":
        return ChosenSynthesizer(rules, None, None, clock)
    ollama = OllamaSynthesizer(settings.llm, clock, doctrine)
    chosen = ChosenSynthesizer(ollama, ollama, rules if settings.goals.mode is Mode.DEMO else None, clock)
    await chosen.available()
    return chosen
