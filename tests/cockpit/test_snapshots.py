"""What it looks like, frozen: SVG snapshots of recorded scenes (`--snapshot-update` after a wanted change)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cynosure_tui.app import CockpitApp
from cynosure_tui.link import ReplayLink
from tests.cockpit import stream
from tests.cockpit.desk import UTF8, Wall

PICTURES = [
    ("running", (160, 45), UTF8),
    ("running", (120, 36), UTF8),
    ("running", (80, 24), UTF8),
    ("paused", (120, 36), UTF8),
    ("halt", (80, 24), UTF8),
    ("kill", (160, 45), UTF8),
    ("stale", (120, 36), UTF8),
    ("empty", (80, 24), UTF8),
    ("running", (160, 45), {"LANG": "C.UTF-8", "TERM": "xterm-16color"}),
    ("running", (80, 24), {"LC_ALL": "C", "TERM": "linux", "NO_COLOR": "1"}),
]


@pytest.mark.parametrize(("scene", "size", "environ"), PICTURES)
def test_the_screen_looks_as_it_did(
    scene: str, size: tuple[int, int], environ: dict[str, str], tmp_path: Path, snap_compare: Callable[..., bool]
) -> None:
    watchlist = () if scene == "empty" else stream.TICKERS
    path = stream.recording(tmp_path / "scene.ndjson", stream.SCENES[scene](), watchlist=watchlist)
    app = CockpitApp(ReplayLink(path), mode="demo", environ=environ, monotonic=Wall())

    async def settled(pilot: Pilot[int]) -> None:
        while app.store.clock is None or not app.store.joined:
            await pilot.pause(0.02)
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=settled)
