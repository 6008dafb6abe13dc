"""Typed settings: config.yaml, the environment, and the refusals that keep a wrong file from trading.

The file's keys are the published ones; `config.example.yaml` lists each with unit, range and default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from engine.feeds.addresses import refusal
from engine.mode import LIVE_ACKNOWLEDGEMENT, OKX_KEY_VARIABLES, Mode

KEYS_IN_FILE = "API keys stand in config.yaml; move them to .env, which is easier to keep private"
DEFAULT_WATCHLIST = (
    "XAU", "XAG", "QQQ", "SPY", "NVDA", "MSFT", "META", "AAPL", "GOOGL", "AMZN", "TSLA", "PLTR",
    "BTC", "ETH", "SOL", "XRP", "SUI",
)  # fmt: skip

Percent = Annotated[float, Field(gt=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]


class ConfigError(Exception):
    """The user's settings cannot be used. The message names the file, the key, what was expected, what to do."""


class Section(BaseModel):
    """Unknown keys are mistakes, not wishes."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class LlmSettings(Section):
    backend: Literal["ollama", "rules"] = "ollama"
    host: str = "http://127.0.0.1:11434"
    model: str = "qwen3.5:4b"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.1
    num_ctx: Annotated[int, Field(ge=1024, le=32768)] = 3072
    num_predict: Annotated[int, Field(ge=32, le=2048)] = 320
    seed: int = 7
    think: bool = False
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 45.0
    parallel: Annotated[int, Field(ge=1, le=8)] = 2
    skip_when_forced: bool = True
    deidentify: bool = True
    da_confidence_min: Share = 0.65
    da_confidence_max: Share = 0.78
    max_invented_rate: Share = 0.25
    record: bool = True


class GoalSettings(Section):
    mode: Mode = Mode.DEMO
    target_annual_return_pct: Annotated[float, Field(ge=0, le=1000)] = 40.0


class OkxSettings(Section):
    flag: Literal["0", "1"] = "1"
    host: str = ""
    api_key: SecretStr = SecretStr("")
    secret_key: SecretStr = SecretStr("")
    passphrase: SecretStr = SecretStr("")
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    read_timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0

    @field_validator("flag", mode="before")
    @classmethod
    def _unquoted_flag(cls, value: Any) -> Any:
        """YAML reads an unquoted 1 as a number; that is no reason to refuse it."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @property
    def has_keys(self) -> bool:
        return all(s.get_secret_value() for s in (self.api_key, self.secret_key, self.passphrase))


class ApiSettings(Section):
    okx: OkxSettings = OkxSettings()


class RiskSettings(Section):
    profile: Literal["published", "prudent"] = "published"
    min_signals_aligned: Annotated[int, Field(ge=0, le=15)] = 5
    min_timeframes_aligned: Annotated[int, Field(ge=0, le=3)] = 2
    min_confidence: Share = 0.65
    min_ev_pct: Annotated[float, Field(ge=0, le=50)] = 0.5
    max_position_size_pct: Percent = 40.0
    max_gross_pct: Percent = 100.0
    max_class_pct: Percent = 60.0
    risk_per_trade_pct: Percent = 1.0
    daily_loss_limit_pct: Percent = 35.0
    max_daily_trades: Annotated[int, Field(ge=1, le=1000)] = 20
    max_open_positions: Annotated[int, Field(ge=1, le=100)] = 10
    max_consecutive_losses: Annotated[int, Field(ge=1, le=100)] = 5
    max_ticker_loss_pct: Percent = 10.0
    cooldown_minutes: Annotated[int, Field(ge=0, le=1440)] = 15
    off_session_spread_pct: Annotated[float, Field(ge=0, le=5)] = 0.10
    max_correlation: Share = 0.85
    min_margin_ratio: Annotated[float, Field(ge=1.0, le=100)] = 1.20
    min_reward_risk: Annotated[float, Field(ge=0, le=10)] = 1.2
    sl_mult: Annotated[float, Field(gt=0, le=20)] = 3.0
    tp_mult: Annotated[float, Field(gt=0, le=40)] = 6.0
    acknowledge_high_daily_loss: bool = False
    acknowledge_unproven: bool = False


class ForecastSettings(Section):
    """TimesFM in a process of its own; nothing waits for it."""

    enabled: bool = True
    checkpoint: str = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    context: Annotated[int, Field(ge=64, le=4096)] = 512
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 300.0
    download: bool = False


class TradingSettings(Section):
    trail_percent: Annotated[float, Field(gt=0, le=50)] = 2.5
    min_hold_minutes: Annotated[int, Field(ge=0, le=10080)] = 180
    min_bearish_cycles_for_exit: Annotated[int, Field(ge=1, le=20)] = 2
    max_decision_age_s: Annotated[float, Field(gt=0, le=900)] = 120.0
    max_input_age_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    maintenance_lead_minutes: Annotated[float, Field(ge=0, le=1440)] = 30.0


DEFAULT_NEWS = (
    "https://www.coindesk.com/arc/outboundfeeds/rss/",
    "https://cointelegraph.com/rss",
    "https://feeds.content.dowjones.io/public/rss/mw_topstories",
    "https://www.cnbc.com/id/15839069/device/rss/rss.html",
    "https://www.fxstreet.com/rss/news",
)


class FeedSettings(Section):
    """What is read from outside the venue. Ages and intervals by the venue's clock; a demo reads its own world's."""

    enabled: bool = True
    fear_greed_url: str = "https://api.alternative.me/fng/?limit=2"
    fear_greed_minutes: Annotated[float, Field(ge=5, le=1440)] = 30.0
    fear_greed_max_age_h: Annotated[float, Field(ge=1, le=36)] = 36.0
    news: Annotated[tuple[str, ...], Field(max_length=20)] = DEFAULT_NEWS
    news_minutes: Annotated[float, Field(ge=2, le=1440)] = 10.0
    news_max_age_h: Annotated[float, Field(ge=0.5, le=24)] = 3.0
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0

    @field_validator("fear_greed_url", "news")
    @classmethod
    def _addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        """An empty index address switches it off; an empty list the news."""
        urls = (value,) if isinstance(value, str) and value else value
        for url in urls:
            if why := refusal(url):
                raise ValueError(f"a feed's address: {why}")
        if len(set(urls)) < len(urls) and not isinstance(value, str):
            raise ValueError("the same feed twice")
        return value


class DemoSettings(Section):
    """The embedded simulated market; only read in demo mode."""

    speed: Annotated[float, Field(ge=0, le=3600)] = 240.0
    seed: Annotated[int, Field(ge=0)] = 600
    equity_usdt: Annotated[float, Field(ge=100, le=1e9)] = 10_000.0
    replay: str = ""


class WatchdogSettings(Section):
    telegram_token: SecretStr = SecretStr("")
    telegram_chat_id: str = ""


class Settings(Section):
    """The whole of config.yaml."""

    llm: LlmSettings = LlmSettings()
    goals: GoalSettings = GoalSettings()
    apis: ApiSettings = ApiSettings()
    risk: RiskSettings = RiskSettings()
    trading: TradingSettings = TradingSettings()
    forecast: ForecastSettings = ForecastSettings()
    feeds: FeedSettings = FeedSettings()
    demo: DemoSettings = DemoSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    watchlist: tuple[str, ...] = DEFAULT_WATCHLIST

    @model_validator(mode="before")
    @classmethod
    def _apply_profile(cls, values: Any) -> Any:
        """`profile: prudent` changes the defaults of four keys; a key that is written out still wins."""
        risk = values.get("risk") if isinstance(values, dict) else None
        if isinstance(risk, dict) and risk.get("profile") == "prudent":
            values = {**values, "risk": {**PRUDENT, **risk}}
        return values


PRUDENT: dict[str, Any] = {
    "daily_loss_limit_pct": 3.0,
    "max_position_size_pct": 10.0,
    "max_open_positions": 5,
    "risk_per_trade_pct": 0.5,
}


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings, where they came from, and what the user should know about them."""

    settings: Settings
    source: str
    warnings: tuple[str, ...]


def load_settings(home: Path, environ: Mapping[str, str]) -> LoadedSettings:
    """Reads HOME/config.yaml (absent: demo with defaults) and HOME/.env; the environment wins over both.

    Raises ConfigError with one line that names the file, the key, what was expected and what to do.
    """
    path = home / "config.yaml"
    document = _read_yaml(path) if path.exists() else {}
    source = str(path) if path.exists() else "built-in defaults (no config.yaml)"
    settings = _validate(document, path)
    secrets = {**_read_dotenv(home / ".env"), **environ}
    settings, warnings = _with_environment(settings, secrets)
    _check_agreement(settings, path, environ)
    return LoadedSettings(settings, source, warnings)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where is not None else ""
        raise ConfigError(f"{path}{line}: not valid YAML; compare it with config.example.yaml") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); check its permissions and encoding (UTF-8)") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected sections such as 'goals:' and 'risk:', found {type(document).__name__}")
    return document


def _validate(document: dict[str, Any], path: Path) -> Settings:
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    """Names the key and what was expected; secrets are never echoed."""
    problem = error.errors(include_url=False)[0]
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(location[-1], _known_keys(location[:-1]), n=1)
        hint = f"did you mean '{near[0]}'?" if near else "config.example.yaml lists every key"
        return f"'{key}' is not a known key; {hint}"
    value = "" if _is_secret(key) else f", found {problem['input']!r}"
    more = len(error.errors()) - 1
    tail = f" (and {more} more)" if more else ""
    return f"'{key}': {_lower_first(problem['msg'])}{value}{tail}; config.example.yaml shows its unit and range"


def _known_keys(sections: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for section in sections:
        annotation = model.model_fields[section].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)


def _is_secret(key: str) -> bool:
    return any(word in key for word in ("key", "secret", "passphrase", "token"))


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _read_dotenv(path: Path) -> dict[str, str]:
    return {key: value for key, value in dotenv_values(path).items() if value is not None} if path.exists() else {}


def _with_environment(settings: Settings, secrets: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]]:
    """Keys from the environment win; keys in the file work but are warned about."""
    okx = settings.apis.okx
    warnings = (
        ["API keys stand in config.yaml; move them to .env, which is easier to keep private"] if okx.has_keys else []
    )
    update = {
        field: SecretStr(secrets[variable])
        for field, variable in zip(("api_key", "secret_key", "passphrase"), OKX_KEY_VARIABLES, strict=True)
        if secrets.get(variable)
    }
    if not update:
        return settings, tuple(warnings)
    apis = settings.apis.model_copy(update={"okx": okx.model_copy(update=update)})
    return settings.model_copy(update={"apis": apis}), tuple(warnings)


def _check_agreement(settings: Settings, path: Path, environ: Mapping[str, str]) -> None:
    """Mode, flag, keys and acknowledgement must agree, or nothing starts."""
    mode, okx = settings.goals.mode, settings.apis.okx
    profile = mode.profile
    if okx.flag != profile.flag:
        raise ConfigError(
            f"{path}: goals.mode is '{mode}', which needs apis.okx.flag \"{profile.flag}\", but apis.okx.flag is "
            f'"{okx.flag}"; correct the one that is wrong'
        )
    variable, phrase = LIVE_ACKNOWLEDGEMENT
    if profile.real_money and environ.get(variable) != phrase:
        raise ConfigError(f"{path}: goals.mode is 'live', so the environment must say {variable}={phrase}; it does not")
    if profile.key_variables and not okx.has_keys:
        missing = ", ".join(_missing_keys(okx))
        raise ConfigError(f"{path}: mode '{mode}' needs OKX API keys; missing: {missing}; set them in .env beside it")
    if profile.real_money:
        _check_live_limits(settings.risk, path)


def _missing_keys(okx: OkxSettings) -> list[str]:
    values = (okx.api_key, okx.secret_key, okx.passphrase)
    return [name for name, value in zip(OKX_KEY_VARIABLES, values, strict=True) if not value.get_secret_value()]


def _check_live_limits(risk: RiskSettings, path: Path) -> None:
    if risk.daily_loss_limit_pct > 10 and not risk.acknowledge_high_daily_loss:
        raise ConfigError(
            f"{path}: live trading with risk.daily_loss_limit_pct {risk.daily_loss_limit_pct:g} needs "
            "risk.acknowledge_high_daily_loss: true, or a limit of at most 10"
        )


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Every loaded secret, for redaction by value."""
    okx, watchdog = settings.apis.okx, settings.watchdog
    secrets = (okx.api_key, okx.secret_key, okx.passphrase, watchdog.telegram_token)
    return tuple(value for secret in secrets if (value := secret.get_secret_value()))
