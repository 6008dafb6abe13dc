"""Questions to try a model with: the repository's own set, a cassette's, a folder's, and the same with one thing
changed.

    python -m bench.briefs --cassette storage/cassette.jsonl --to briefs [--most 200]

writes what an engine asked to a folder, one file a question, for `python -m bench.model --briefs briefs`: the user's
turn without the rules, so that another wording of the rules can be tried with the same markets. The newest questions
are kept; each market's text once.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.model import AssetClass
from engine.synthesis.cassette import CassetteError, read_cassette
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


class BriefsError(Exception):
    """The folder cannot be used. One line names it, or the file in it, and what was expected."""


START = f"{NO_THINK}\nPOSITION "
MARK = "\nMARKETBRIEF\n"


def written(asked: Sequence[Asked], folder: Path) -> int:
    """The users' turns as files named by their own hash; how many there were. Raises BriefsError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in asked:
            name = hashlib.sha256(each.user.encode()).hexdigest()[:16]
            (folder / f"{name}.txt").write_text(each.user + "\n", encoding="utf-8")
    except OSError as error:
        raise BriefsError(f"{folder}: cannot be written ({error.strerror})") from None
    return len({each.user for each in asked})


def in_folder(folder: Path) -> tuple[Asked, ...]:
    """The questions of a folder, by name, under today's rules. Raises BriefsError."""
    if not folder.is_dir():
        raise BriefsError(f"--briefs {folder}: not a folder; write one with python -m bench.briefs")
    found = tuple(_read(path) for path in sorted(folder.glob("*.txt")))
    if not found:
        raise BriefsError(f"--briefs {folder}: holds no .txt file; write some with python -m bench.briefs")
    return found


def _read(path: Path) -> Asked:
    try:
        user = path.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BriefsError(f"--briefs {path}: cannot be read ({error})") from None
    if not user.startswith(START) or MARK not in user:
        raise BriefsError(f"--briefs {path}: no question; it begins with {NO_THINK}, a POSITION line and MARKETBRIEF")
    return Asked(path.stem, system_prompt(Doctrine()), user)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.briefs", description=__doc__)
    parser.add_argument("--cassette", type=Path, required=True, metavar="FILE", help="what an engine recorded")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="one .txt file a question")
    parser.add_argument("--most", type=int, default=200, help="how many, the newest")
    given = parser.parse_args()
    try:
        print(f"{written(recorded(given.cassette)[-given.most :], given.to)} questions in {given.to}")
    except (CassetteError, BriefsError) as error:
        print(f"bench.briefs: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
