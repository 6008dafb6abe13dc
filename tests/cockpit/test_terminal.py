"""The real program in a real terminal: a private tmux server, keys in, screen text out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cockpit import stream

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, socket: str, size: tuple[int, int], command: str, environ: dict[str, str]) -> None:
        self._tmux = ["tmux", "-L", socket, "-f", "/dev/null"]
        env = {**os.environ, **environ}
        for name in ("TMUX", "NO_COLOR"):
            if name not in environ:
                env.pop(name, None)
        width, height = size
        start = [*self._tmux, "-u", "new-session", "-d", "-x", str(width), "-y", str(height), command]
        subprocess.run(start, check=True, cwd=ROOT, env=env)

    def run(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=False).stdout

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.run("send-keys", key)

    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def until(self, condition: Callable[[str], bool], seconds: float = 15.0) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition(text := self.screen()):
                return text
            time.sleep(0.05)
        raise AssertionError(f"did not happen within {seconds} s:\n{self.screen()}")

    def shows(self, *texts: str) -> str:
        return self.until(lambda screen: all(text in screen for text in texts))

    def pid(self) -> int:
        """The program inside the window's shell."""
        shell = self.run("list-panes", "-F", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text(encoding="ascii").split()
        return int(children[0] if children else shell)


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(size: tuple[int, int], scene: str = "running", environ: dict[str, str] | None = None) -> Terminal:
        path = stream.recording(tmp_path / "r.ndjson", stream.SCENES[scene]())
        command = f"{sys.executable} -m cynosure_tui.replay {path} --logs {tmp_path}; echo code=$?; exec cat"
        terminal = Terminal(f"cyn{os.getpid()}x{len(started)}", size, command, {"LANG": "C.UTF-8", **(environ or {})})
        started.append(terminal)
        return terminal

    yield start
    for terminal in started:
        terminal.run("kill-server")


def test_at_160x45_keys_move_the_cursor_and_the_kill_panel_opens(terminals: Callable[..., Terminal]) -> None:
    """Whatever size the shell once exported."""
    terminal = terminals((160, 45), environ={"COLUMNS": "80", "LINES": "24"})
    terminal.shows("WATCHLIST", "67,412.1", "GATES BTC", "K KILL")
    terminal.keys("j", "j", "Down")
    terminal.shows("GATES NVDA", "0.91 with QQQ")
    terminal.keys("K")
    terminal.shows("KILL SWITCH", "read only")
    time.sleep(0.3)
    terminal.keys("Escape")
    terminal.until(lambda screen: "KILL SWITCH" not in screen)
    terminal.keys("F12")
    terminal.shows("KILL SWITCH")


def test_at_80x24_it_is_usable_and_leaves_a_clean_terminal(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals((80, 24))
    terminal.shows("GATES brief llm", "3 pos", "K KILL")
    terminal.keys("]")
    terminal.shows("BRIEF")
    terminal.run("resize-window", "-x", "160", "-y", "45")
    terminal.shows("SIZING & ORDER")
    terminal.run("resize-window", "-x", "80", "-y", "24")
    terminal.until(lambda screen: "SIZING & ORDER" not in screen)
    terminal.keys("q")
    terminal.shows("LEAVE")
    time.sleep(0.3)
    terminal.keys("y")
    text = terminal.shows("code=0")
    assert "WATCHLIST" not in text


def test_sigterm_leaves_the_terminal_clean(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals((80, 24))
    terminal.shows("3 pos")
    os.kill(terminal.pid(), signal.SIGTERM)
    text = terminal.shows("code=143")
    assert "WATCHLIST" not in text
    assert terminal.run("display-message", "-p", "#{alternate_on} #{mouse_any_flag}").split() == ["0", "0"]


def test_no_colour_and_no_utf8(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals((80, 24), "kill", {"NO_COLOR": "1", "LC_ALL": "C", "TERM": "linux"})
    text = terminal.shows("KILL ENGAGED", "MISSING", "K KILL")
    assert text.isascii()
    coloured = terminal.run("capture-pane", "-p", "-e")
    assert "38;5" not in coloured
    assert "38;2" not in coloured


def test_stray_output_goes_to_the_log_not_the_screen(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from cynosure_tui.terminal import Terminal\n"
        f"with Terminal(pathlib.Path({str(tmp_path)!r})):\n"
        "    os.write(2, b'noise from a C library\\n'); os.write(1, b'noise on 1\\n')\n"
        "    sys.__stderr__.write('the picture\\n'); sys.__stderr__.flush()\n"
    )
    script = tmp_path / "s.py"
    script.write_text(code, encoding="utf-8")
    out = tmp_path / "screen.txt"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["script", "-qec", f"{sys.executable} {script}", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=env)
    screen = out.read_text(encoding="utf-8")
    assert "the picture" in screen
    assert "noise" not in screen
    assert "noise from a C library" in (tmp_path / "cockpit-stderr.log").read_text(encoding="utf-8")
