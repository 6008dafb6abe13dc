"""A picture of the cockpit from a recording: `python -m cynosure_tui.picture FILE OUT.svg [--size 160x45]`.

A recording is made by `python app.py --record FILE`; the picture shows its last moment.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from pathlib import Path

from cynosure_tui.app import CockpitApp
from cynosure_tui.link import ReplayLink

TRUE_COLOUR = {"LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
SETTLED_S = 0.6
# A picture must not fetch anything: the viewer's own monospaced font serves.
WEB_FONTS = re.compile(r"@font-face\s*\{[^}]*\}")


async def draw(recording: Path, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    """The last moment as SVG; painted into memory, no terminal is needed."""
    app = CockpitApp(ReplayLink(recording), environ=TRUE_COLOUR)
    async with app.run_test(size=size) as pilot:
        while not app.store.joined:
            await pilot.pause(0.05)
        await pilot.pause(SETTLED_S)
        await pilot.press(*keys)
        await pilot.pause(SETTLED_S)
        return WEB_FONTS.sub("", app.export_screenshot(title="Cynosure"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cynosure_tui.picture", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--size", default="160x45", help="columns x rows")
    parser.add_argument("--keys", default="", help="keys to press first, by comma")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        sys.stderr.write(f"{options.file}: no such recording\n")
        return 2
    columns, _, rows = options.size.partition("x")
    keys = tuple(key for key in options.keys.split(",") if key)
    drawn = asyncio.run(draw(options.file, (int(columns), int(rows)), keys))
    options.picture.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
