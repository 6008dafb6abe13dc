"""Typed settings: config.yaml, the environment, and the refusals that keep a wrong file from trading.

The file's keys are the published ones; `config.example.yaml` lists each with unit, range and default.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from engine.mode import Mode

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
    max_correlation: Share = 0.85
    min_margin_ratio: Annotated[float, Field(ge=1.0, le=100)] = 1.20
    min_reward_risk: Annotated[float, Field(ge=0, le=10)] = 1.2
    sl_mult: Annotated[float, Field(gt=0, le=20)] = 2.0
    tp_mult: Annotated[float, Field(gt=0, le=40)] = 4.0
    acknowledge_high_daily_loss: bool = False
    acknowledge_unproven: bool = False


class TradingSettings(Section):
    trail_percent: Annotated[float, Field(gt=0, le=50)] = 2.5
    min_hold_minutes: Annotated[int, Field(ge=0, le=10080)] = 180
    min_bearish_cycles_for_exit: Annotated[int, Field(ge=1, le=20)] = 2
    max_decision_age_s: Annotated[float, Field(gt=0, le=900)] = 120.0
    max_input_age_s: Annotated[float, Field(gt=0, le=3600)] = 120.0


class DemoSettings(Section):
    """The embedded simulated market; only read in demo mode."""

    speed: Annotated[float, Field(ge=0, le=3600)] = 120.0
    seed: Annotated[int, Field(ge=0)] = 7
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
