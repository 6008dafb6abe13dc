"""Settings: what is read, what wins, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from engine.config import DEFAULT_WATCHLIST, ConfigError, OkxSettings, Settings, load_settings, secret_values
from engine.mode import Mode

ROOT = Path(__file__).parents[2]
KEYS = {"OKX_API_KEY": "k" * 12, "OKX_SECRET_KEY": "s" * 12, "OKX_PASSPHRASE": "p" * 12}
LIVE = {**KEYS, "CYNOSURE_LIVE": "I-ACCEPT-THE-RISK"}


def write(home: Path, text: str) -> Path:
    (home / "config.yaml").write_text(text, encoding="utf-8")
    return home


def refusal(home: Path, text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(home, text), environ or {})
    message = str(caught.value)
    assert "\n" not in message
    assert "config.yaml" in message
    return message


def test_no_file_means_demo_with_the_default_watchlist(tmp_path: Path) -> None:
    loaded = load_settings(tmp_path, {})
    assert loaded.settings.goals.mode is Mode.DEMO
    assert loaded.settings.watchlist == DEFAULT_WATCHLIST
    assert len(DEFAULT_WATCHLIST) == 17


def test_the_example_is_exactly_the_defaults() -> None:
    document = yaml.safe_load((ROOT / "config.example.yaml").read_text(encoding="utf-8"))
    assert Settings.model_validate(document) == Settings()


def test_the_example_lists_every_key() -> None:
    document = yaml.safe_load((ROOT / "config.example.yaml").read_text(encoding="utf-8"))
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if hasattr(section, "model_fields") and name != "apis":
            assert set(document[name]) == set(section.model_fields), name
    assert set(document["apis"]["okx"]) == set(OkxSettings.model_fields)


def test_an_unknown_key_is_named_with_its_likely_spelling(tmp_path: Path) -> None:
    message = refusal(tmp_path, "risk:\n  max_open_postions: 3\n")
    assert "risk.max_open_postions" in message
    assert "max_open_positions" in message.split("did you mean")[1]


def test_an_unknown_section_is_named(tmp_path: Path) -> None:
    assert "'rsik' is not a known key; did you mean 'risk'?" in refusal(tmp_path, "rsik: {}\n")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("risk:\n  min_confidence: high\n", "risk.min_confidence"),
        ("risk:\n  min_confidence: 65\n", "risk.min_confidence"),
        ("risk:\n  max_open_positions: 2.5\n", "risk.max_open_positions"),
        ("goals:\n  mode: real\n", "goals.mode"),
        ("watchlist: BTC\n", "watchlist"),
        ("watchlist: [BTC, 7]\n", "watchlist.1"),
        ("llm: fast\n", "llm"),
    ],
)
def test_a_bad_type_or_range_names_the_key(tmp_path: Path, text: str, key: str) -> None:
    assert f"'{key}'" in refusal(tmp_path, text)


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "risk:\n  a: ]\n")


def test_a_secret_is_never_echoed_in_a_refusal(tmp_path: Path) -> None:
    message = refusal(tmp_path, "apis:\n  okx:\n    api_key: [hunter2hunter2]\n")
    assert "hunter2" not in message


def test_paper_without_keys_names_what_is_missing(tmp_path: Path) -> None:
    message = refusal(tmp_path, "goals: {mode: paper}\n", {"OKX_API_KEY": "abc"})
    assert "OKX_SECRET_KEY, OKX_PASSPHRASE" in message
    assert "OKX_API_KEY" not in message.split("missing:")[1]


@pytest.mark.parametrize(("mode", "flag"), [("paper", "0"), ("live", "1"), ("demo", "0")])
def test_mode_and_flag_that_disagree_are_refused_by_name(tmp_path: Path, mode: str, flag: str) -> None:
    message = refusal(tmp_path, f'goals: {{mode: {mode}}}\napis: {{okx: {{flag: "{flag}"}}}}\n', LIVE)
    assert "goals.mode" in message
    assert "apis.okx.flag" in message


def test_live_needs_its_acknowledgement(tmp_path: Path) -> None:
    message = refusal(tmp_path, 'goals: {mode: live}\napis: {okx: {flag: "0"}}\n', KEYS)
    assert "CYNOSURE_LIVE=I-ACCEPT-THE-RISK" in message


def test_live_with_a_high_daily_loss_needs_to_be_acknowledged(tmp_path: Path) -> None:
    text = 'goals: {mode: live}\napis: {okx: {flag: "0"}}\n'
    assert "daily_loss_limit_pct" in refusal(tmp_path, text, LIVE)
    settings = load_settings(write(tmp_path, text + "risk: {profile: prudent}\n"), LIVE).settings
    assert settings.goals.mode is Mode.LIVE


def test_the_environment_wins_over_dotenv_and_both_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OKX_API_KEY=from-dotenv\nOKX_SECRET_KEY=from-dotenv\n", encoding="utf-8")
    text = "goals: {mode: paper}\napis: {okx: {api_key: from-file, secret_key: from-file, passphrase: from-file}}\n"
    loaded = load_settings(write(tmp_path, text), {"OKX_API_KEY": "from-environ"})
    assert sorted(secret_values(loaded.settings)) == ["from-dotenv", "from-environ", "from-file"]
    assert "move them to .env" in loaded.warnings[0]


def test_the_prudent_profile_changes_four_defaults_and_yields_to_a_written_key(tmp_path: Path) -> None:
    risk = load_settings(write(tmp_path, "risk: {profile: prudent, max_open_positions: 2}\n"), {}).settings.risk
    assert (risk.daily_loss_limit_pct, risk.max_position_size_pct, risk.risk_per_trade_pct) == (3.0, 10.0, 0.5)
    assert risk.max_open_positions == 2


def test_an_unquoted_flag_is_understood(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "apis: {okx: {flag: 1}}\n"), {}).settings.apis.okx.flag == "1"
