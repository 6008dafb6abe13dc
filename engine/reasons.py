"""Every reason why the program holds, halts or denies, each explained to a person once.

The same word appears in the cockpit, the logs, the database and the docs.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A named reason for what was, or was not, done."""

    # The decision itself
    ENTERED = "ENTERED"
    EXITED = "EXITED"
    NO_SETUP = "NO_SETUP"
    SELL_WHEN_FLAT = "SELL_WHEN_FLAT"
    ALREADY_IN_POSITION = "ALREADY_IN_POSITION"
    REDUCED = "REDUCED"
    # Synthesis
    LLM_HOLD = "LLM_HOLD"
    LLM_INVALID = "LLM_INVALID"
    LLM_TRUNCATED = "LLM_TRUNCATED"
    LLM_DOWN = "LLM_DOWN"
    LLM_INVENTS = "LLM_INVENTS"
    LLM_NOT_RECORDED = "LLM_NOT_RECORDED"
    DA_ABORT = "DA_ABORT"
    # Persistence gates
    STREAK_TOO_SHORT = "STREAK_TOO_SHORT"
    STILL_BULLISH = "STILL_BULLISH"
    EXIT_NOT_CONFIRMED = "EXIT_NOT_CONFIRMED"
    MIN_HOLD = "MIN_HOLD"
    # Risk gates, in their order
    KILL_ENGAGED = "KILL_ENGAGED"
    ENTRIES_PAUSED = "ENTRIES_PAUSED"
    TICKER_PAUSED = "TICKER_PAUSED"
    DATA_STALE = "DATA_STALE"
    DATA_MISSING = "DATA_MISSING"
    CLOCK_SKEW = "CLOCK_SKEW"
    VENUE_UNAVAILABLE = "VENUE_UNAVAILABLE"
    LEDGER_MISMATCH = "LEDGER_MISMATCH"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    FOREIGN_ORDER = "FOREIGN_ORDER"
    INSTRUMENT_OFF = "INSTRUMENT_OFF"
    OFF_SESSION = "OFF_SESSION"
    COOLDOWN = "COOLDOWN"
    ACCOUNT_CHANGED = "ACCOUNT_CHANGED"
    KEY_REFUSED = "KEY_REFUSED"
    ACCOUNT_HALTED = "ACCOUNT_HALTED"
    RISK_FROZEN = "RISK_FROZEN"
    MAINTENANCE = "MAINTENANCE"
    OUTDATED = "OUTDATED"
    SECOND_ENGINE = "SECOND_ENGINE"
    DAILY_LOSS = "DAILY_LOSS"
    DAILY_TRADES = "DAILY_TRADES"
    MAX_POSITIONS = "MAX_POSITIONS"
    CONSECUTIVE_LOSSES = "CONSECUTIVE_LOSSES"
    MARGIN_RATIO = "MARGIN_RATIO"
    MARGIN_UNKNOWN = "MARGIN_UNKNOWN"
    TICKER_LOSS = "TICKER_LOSS"
    CORRELATION = "CORRELATION"
    ATR_ZERO = "ATR_ZERO"
    FROZEN_PRICE = "FROZEN_PRICE"
    MIN_SIGNALS = "MIN_SIGNALS"
    MIN_TIMEFRAMES = "MIN_TIMEFRAMES"
    MIN_CONFIDENCE = "MIN_CONFIDENCE"
    EV_TOO_LOW = "EV_TOO_LOW"
    NO_EDGE = "NO_EDGE"
    MIN_SIZE = "MIN_SIZE"
    GROSS_CAP = "GROSS_CAP"
    CLASS_CAP = "CLASS_CAP"
    STOP_INVALID = "STOP_INVALID"
    # Execution
    DRIFT = "DRIFT"
    ORPHAN_BRACKET = "ORPHAN_BRACKET"
    ORDER_REJECTED = "ORDER_REJECTED"
    ORDER_UNFILLED = "ORDER_UNFILLED"
    LEVERAGE_REFUSED = "LEVERAGE_REFUSED"
    UNPROTECTED_CLOSED = "UNPROTECTED_CLOSED"
    # How a trade ended
    STOP_LOSS = "STOP_LOSS"
    TRAILING_STOP = "TRAILING_STOP"
    TAKE_PROFIT = "TAKE_PROFIT"
    SIGNAL_EXIT = "SIGNAL_EXIT"
    OPERATOR_CLOSE = "OPERATOR_CLOSE"
    KILL_FLATTEN = "KILL_FLATTEN"
    LIQUIDATED = "LIQUIDATED"
    DELEVERAGED = "DELEVERAGED"
    DELISTED = "DELISTED"
    CLOSED_ELSEWHERE = "CLOSED_ELSEWHERE"
    # The engine
    CYCLE_FAILED = "CYCLE_FAILED"


EXPLANATIONS: dict[Reason, str] = {
    Reason.ENTERED: "A long position was opened under a confirmed stop and target.",
    Reason.EXITED: "The position was closed by the decision and confirmed flat at the venue.",
    Reason.NO_SETUP: "The rules saw no entry and no exit: signals are mixed or too few.",
    Reason.SELL_WHEN_FLAT: "A sell signal without a position; the system is long only, so there is nothing to close.",
    Reason.ALREADY_IN_POSITION: "A buy signal while a position is open; positions are never added to.",
    Reason.REDUCED: "A part of the position was closed; the rest stands under a bracket of its size.",
    Reason.LLM_HOLD: "The language model itself answered HOLD.",
    Reason.LLM_INVALID: "The model's answer was not a valid decision, twice; it is never guessed at.",
    Reason.LLM_TRUNCATED: "The model did not read the whole prompt, so its answer is not used.",
    Reason.LLM_DOWN: "The model did not answer in time or could not be reached; entries wait for it.",
    Reason.LLM_INVENTS: "The model names numbers that nobody gave it; its buys do not count.",
    Reason.LLM_NOT_RECORDED: "The cassette under replay holds no answer to this prompt; no model is asked instead.",
    Reason.DA_ABORT: "The devil's advocate rejected a borderline buy, or failed to answer.",
    Reason.STREAK_TOO_SHORT: "Fewer than two bullish cycles in a row; one is noise.",
    Reason.STILL_BULLISH: "Two or more bullish cycles in a row; the bracket manages this exit.",
    Reason.EXIT_NOT_CONFIRMED: "An exit needs two bearish cycles in a row.",
    Reason.MIN_HOLD: "The position is younger than trading.min_hold_minutes; only its bracket may close it.",
    Reason.KILL_ENGAGED: "The kill switch is engaged; nothing opens until a person resumes.",
    Reason.ENTRIES_PAUSED: "Entries are stopped by the operator; brackets and exits go on.",
    Reason.TICKER_PAUSED: "This ticker is paused by the operator.",
    Reason.DATA_STALE: "An input is older than its limit.",
    Reason.DATA_MISSING: "A required input is missing.",
    Reason.CLOCK_SKEW: "The local clock and the venue's differ by more than 10 s.",
    Reason.VENUE_UNAVAILABLE: "The venue does not answer, or is under maintenance.",
    Reason.LEDGER_MISMATCH: "Our books and the venue's differ; entries wait until they agree.",
    Reason.UNKNOWN_ORDER: "An order's fate is unknown; nothing opens on this ticker until the venue tells.",
    Reason.FOREIGN_ORDER: "Something on this instrument was not placed by this program.",
    Reason.INSTRUMENT_OFF: "The instrument is not trading normally at the venue.",
    Reason.OFF_SESSION: "Its home market is closed and the quote is too wide or too old for an entry.",
    Reason.COOLDOWN: "A position in this ticker closed less than risk.cooldown_minutes ago, however it ended.",
    Reason.ACCOUNT_CHANGED: "Position mode, margin mode or leverage at the venue are not what this program needs.",
    Reason.KEY_REFUSED: "The venue refuses the API key, its signature, its IP or its permissions; a person must act.",
    Reason.ACCOUNT_HALTED: "The venue has frozen or restricted the account; entries wait for a person to resume.",
    Reason.RISK_FROZEN: "The venue froze the account for a moment (liquidation, ADL, funding); it is read again first.",
    Reason.MAINTENANCE: "The venue is under maintenance, or will be soon; nothing opens, brackets and exits go on.",
    Reason.OUTDATED: "The venue no longer takes this kind of order from this program; it needs an update.",
    Reason.SECOND_ENGINE: "Another engine trades with these books.",
    Reason.DAILY_LOSS: "The day's loss reached risk.daily_loss_limit_pct; entries resume on the next UTC day.",
    Reason.DAILY_TRADES: "The day's entries reached risk.max_daily_trades.",
    Reason.MAX_POSITIONS: "risk.max_open_positions positions are open.",
    Reason.CONSECUTIVE_LOSSES: "Too many losses in a row; entries wait for a person to resume.",
    Reason.MARGIN_RATIO: "The margin ratio is under risk.min_margin_ratio.",
    Reason.MARGIN_UNKNOWN: "Positions are open and their margin ratio is unknown.",
    Reason.TICKER_LOSS: "This ticker lost more than risk.max_ticker_loss_pct over 14 days.",
    Reason.CORRELATION: "It moves with an open position at or above risk.max_correlation.",
    Reason.ATR_ZERO: "The average true range is zero or unknown: there is no stop distance to compute.",
    Reason.FROZEN_PRICE: "The price barely moves (under 3 ticks of range): the market is closed or stale.",
    Reason.MIN_SIGNALS: "Fewer bullish signals than risk.min_signals_aligned.",
    Reason.MIN_TIMEFRAMES: "Fewer bullish timeframes than risk.min_timeframes_aligned.",
    Reason.MIN_CONFIDENCE: "Confidence is under risk.min_confidence.",
    Reason.EV_TOO_LOW: "The expected value net of costs is under risk.min_ev_pct.",
    Reason.NO_EDGE: "Kelly's edge is zero or negative.",
    Reason.MIN_SIZE: "The size after rounding down is under the instrument's minimum.",
    Reason.GROSS_CAP: "Gross exposure would pass risk.max_gross_pct of equity.",
    Reason.CLASS_CAP: "Exposure of this asset class would pass risk.max_class_pct of equity.",
    Reason.STOP_INVALID: "No valid stop and target could be set around this price.",
    Reason.DRIFT: "The price moved too far, or too much time passed, between decision and order.",
    Reason.ORPHAN_BRACKET: "A bracket without a position rests on this instrument; it must go first.",
    Reason.ORDER_REJECTED: "The venue refused the order.",
    Reason.ORDER_UNFILLED: "The order ended without a fill.",
    Reason.LEVERAGE_REFUSED: "1x isolated leverage could not be confirmed at the venue.",
    Reason.UNPROTECTED_CLOSED: "The stop could not be placed, so the position was closed at market.",
    Reason.STOP_LOSS: "The bracket's stop closed the position.",
    Reason.TRAILING_STOP: "The bracket's stop closed the position after it had been raised behind the price.",
    Reason.TAKE_PROFIT: "The bracket's target closed the position.",
    Reason.SIGNAL_EXIT: "A confirmed sell decision closed the position.",
    Reason.OPERATOR_CLOSE: "The operator closed the position.",
    Reason.KILL_FLATTEN: "The kill switch closed the position.",
    Reason.LIQUIDATED: "The venue liquidated the position, wholly or in part.",
    Reason.DELEVERAGED: "The venue auto-deleveraged the position against a bankrupt counterparty (ADL).",
    Reason.DELISTED: "The position was closed because its instrument expires soon.",
    Reason.CLOSED_ELSEWHERE: "The position was closed outside this program.",
    Reason.CYCLE_FAILED: "The analysis of this ticker failed; the log names the error.",
}
