from __future__ import annotations

from cynosure_tui.app import CockpitApp
from cynosure_tui.keymap import BY_ID, KEYS, Asks, Direction, groups
from cynosure_tui.screens.cockpit import CockpitScreen
from cynosure_tui.widgets.footer import footer_line, merged


def test_no_key_means_two_things() -> None:
    presses = [press for key in KEYS for press in key.keys]
    assert len(presses) == len(set(presses))


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(KEYS)


def test_every_action_exists() -> None:
    for key in KEYS:
        name = key.action.partition("(")[0]
        owner: type = CockpitApp if name.startswith("app.") else CockpitScreen
        assert hasattr(owner, f"action_{name.removeprefix('app.')}"), key.id


def test_bindings_are_made_from_the_table_and_nothing_else() -> None:
    bound = {(binding.key, binding.action) for binding in CockpitScreen.BINDINGS}
    assert bound == {(press, key.action) for key in KEYS for press in key.keys}


def test_what_is_dangerous_asks() -> None:
    for key in KEYS:
        if key.dangerous or key.direction is Direction.RISKY:
            assert key.asks is not Asks.NEVER, key.id


def test_the_help_lists_every_key() -> None:
    assert sum(len(keys) for keys in groups().values()) == len(KEYS)


def test_kill_and_stop_entries_never_drop_out_of_the_footer() -> None:
    for width in range(30, 200):
        text = footer_line(merged(KEYS), width).plain
        assert "KILL" in text
        assert "P stop entries" in text
        assert len(text) == width


def test_kill_cannot_be_shadowed() -> None:
    priority = {binding.key for binding in CockpitApp.BINDINGS if binding.priority}
    assert {"f12", "ctrl+q"} <= priority
