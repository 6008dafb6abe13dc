"""Questions to try a model with: the repository's own set, a cassette's, and the same with one thing changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine.model import AssetClass
from engine.synthesis.cassette import read_cassette
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.trading_system import NO_THINK, framed, system_prompt


@dataclass(frozen=True)
class Asked:
    """One question as it goes to a model."""

    name: str
    system: str
    user: str


@dataclass(frozen=True)
class Sketch:
    """A market in few numbers, from which a whole brief is written. Counts of 15; `funding` in % per 8 h."""

    name: str
    up: int
    down: int
    frames: int
    score: float
    streak: int
    asset_class: AssetClass = AssetClass.CRYPTO
    held: bool = False
    funding: float = 0.0100
    crowd: float | None = 1.30

    @property
    def direction(self) -> str:
        if self.up - self.down >= 3 and self.score > 0:
            return "bullish"
        return "bearish" if self.down - self.up >= 3 and self.score < 0 else "neutral"


SKETCHES = (
    Sketch("crypto up", 11, 2, 3, 0.52, 4),
    Sketch("crypto just up", 5, 2, 2, 0.12, 2),
    Sketch("crypto one short of five", 4, 0, 2, 0.15, 3),
    Sketch("crypto one timeframe", 7, 3, 1, 0.20, 3),
    Sketch("crypto mixed", 6, 6, 1, 0.02, 0),
    Sketch("crypto down", 2, 11, 0, -0.55, -4),
    Sketch("crypto dear funding", 11, 2, 3, 0.52, 4, funding=0.1200),
    Sketch("crypto crowded", 11, 2, 3, 0.52, 4, funding=0.0600, crowd=3.10),
    Sketch("crypto shorts pay", 10, 3, 3, 0.44, 3, funding=-0.0210, crowd=0.66),
    Sketch("metal up", 9, 3, 3, 0.38, 3, AssetClass.METAL, funding=0.0500, crowd=None),
    Sketch("metal down", 3, 9, 0, -0.40, -3, AssetClass.METAL, crowd=None),
    Sketch("index up", 8, 2, 2, 0.31, 2, AssetClass.INDEX, crowd=None),
    Sketch("stock dear funding", 10, 2, 3, 0.45, 3, AssetClass.STOCK, funding=0.3300, crowd=None),
    Sketch("stock up", 10, 2, 3, 0.45, 3, AssetClass.STOCK, crowd=None),
    Sketch("held and up", 10, 2, 3, 0.48, 4, held=True),
    Sketch("held and mixed", 6, 7, 1, -0.05, 0, held=True),
    Sketch("held, one bearish cycle", 3, 10, 0, -0.41, -1, held=True),
    Sketch("held, three bearish cycles", 2, 12, 0, -0.60, -3, held=True),
)


def brief_of(sketch: Sketch) -> str:
    """A brief in the engine's own form."""
    votes = _spread(sketch.up, sketch.down)
    frames = (("4H", 1.2), ("1H", 1.0), ("15m", 0.8))
    lines = [
        f"CLASS {sketch.asset_class}",
        f"DIRECTION {sketch.direction} streak {sketch.streak:+d}, signals {sketch.up} up {sketch.down} down of 15,"
        f" timeframes {sketch.frames} up of 3, score {sketch.score:+.2f}",
        *(_frame(name, weight, sketch.score, votes[5 * k : 5 * k + 5]) for k, (name, weight) in enumerate(frames)),
        f"BOOK (2s): imbalance {sketch.score / 2:+.2f} spread 1.2bp slip 1.0bp, no wall, flow n/a",
        f"FUNDING (40s): {sketch.funding:+.4f}% per 8h, due in 3h",
        "OPEN INTEREST (30s): +1.4% in 24h",
        "LONG/SHORT n/a" if sketch.crowd is None else f"LONG/SHORT (3m): {sketch.crowd:.2f}",
        "LIQUIDATIONS n/a",
        "BTC REGIME n/a; FEAR GREED n/a",
        "FORECAST n/a",
        "NEWS n/a",
    ]
    return "\n".join(lines)


def _spread(up: int, down: int) -> list[int]:
    return [1] * up + [0] * (15 - up - down) + [-1] * down


def _frame(name: str, weight: float, score: float, votes: list[int]) -> str:
    words = [{1: "up", 0: "flat", -1: "down"}[vote] for vote in votes]
    lean = max(-1.0, min(1.0, score * weight))
    return (
        f"{name} (10m): EMA {words[0]} RSI {50 + 25 * lean:.0f} {words[1]} MACD {lean:+.1f} {words[2]}"
        f" OFI {lean / 2:+.2f} {words[3]} VWAP {2 * lean:+.1f}sd {words[4]};"
        f" band {2 * lean:+.1f} ATR 1.47% vol 46%"
    )


def question(sketch: Sketch, headlines: tuple[str, ...] = ()) -> Asked:
    """As the synthesis would ask it."""
    brief = brief_of(sketch)
    if headlines:
        brief = brief.replace("NEWS n/a", "\n".join(("NEWS (5m):", *(f'2h neutral "{line}"' for line in headlines))))
    where = f"POSITION {'in position' if sketch.held else 'flat'}, bearish cycles {max(0, -sketch.streak)}"
    return Asked(sketch.name, system_prompt(Doctrine()), f"{NO_THINK}\n{where}\nMARKETBRIEF\n{framed(brief)}")


def flipped(sketch: Sketch) -> Sketch:
    """Every signal the other way round."""
    frames = max(0, min(3, 3 - sketch.frames)) if sketch.direction != "neutral" else sketch.frames
    return replace(
        sketch, name=f"{sketch.name}, flipped", up=sketch.down, down=sketch.up, frames=frames, score=-sketch.score,
        streak=-sketch.streak,
    )  # fmt: skip


def more_bullish(sketch: Sketch) -> Sketch:
    """Two more signals up, two fewer down, a timeframe more, a higher score, a longer streak."""
    down = max(0, sketch.down - 2)
    return replace(
        sketch,
        name=f"{sketch.name}, more bullish",
        up=min(15 - down, sketch.up + 2),
        down=down,
        frames=min(3, sketch.frames + 1),
        score=min(1.0, sketch.score + 0.15),
        streak=sketch.streak + 1,
    )


def recorded(path: Path) -> tuple[Asked, ...]:
    """The first questions of a cassette's calls, each prompt once; retries and the devil's advocate left out."""
    found = {}
    for number, recording in enumerate(read_cassette(path), 1):
        texts = [message.content for message in recording.messages]
        if len(texts) == 2 and "\nPROPOSAL BUY" not in texts[1]:
            found.setdefault(recording.prompt, Asked(f"call {number}", texts[0], texts[1]))
    return tuple(found.values())
