"""The whole prompt of each asset class with and without the performance suffix, as files to be read by a person.

`python -m tests.synthesis.golden_prompts` writes them anew after a deliberate change; raise PROMPT_VERSION with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.briefs import Sketch, brief_of
from engine.model import AssetClass
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.port import Performance
from engine.synthesis.trading_system import PROMPT_VERSION, system_prompt, user_prompt
from tests.synthesis.requests import request

GOLDEN = Path(__file__).parent / "golden"
RESULTS = {"usual": Performance(30, 1.2, 0.55), "tightened": Performance(30, -0.4, 0.41)}


def prompts() -> Iterator[tuple[str, str]]:
    """(file name, text)."""
    for asset_class in AssetClass:
        sketch = Sketch("up", 9, 2, 3, 0.41, 3, asset_class, crowd=1.3 if asset_class is AssetClass.CRYPTO else None)
        asked = request(brief=brief_of(sketch), asset_class=asset_class)
        for name, performance in RESULTS.items():
            text = f"VERSION {PROMPT_VERSION}\n=== SYSTEM\n{system_prompt(Doctrine(), performance)}\n=== USER\n"
            yield f"{asset_class}_{name}.txt", f"{text}{user_prompt(asked)}\n"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for file, content in prompts():
        (GOLDEN / file).write_text(content, encoding="utf-8")
