"""The database's tables, as migrations: entry n brings version n to n + 1 and is never edited once released.

Money is TEXT (an exact Decimal), times are INTEGER ms UTC of the venue unless named wall_ms.
"""

from __future__ import annotations

APPLICATION_ID = 0x43594E4F  # "CYNO": tells our file from any other SQLite file

_FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "CREATE TABLE streaks (ticker TEXT PRIMARY KEY, value INTEGER NOT NULL, bar_ts INTEGER NOT NULL) STRICT",
    """CREATE TABLE decisions (
        decision_id TEXT PRIMARY KEY, cycle INTEGER NOT NULL, ticker TEXT NOT NULL, inst_id TEXT NOT NULL,
        bar_ts INTEGER NOT NULL, decided_at INTEGER NOT NULL, action TEXT NOT NULL, reason TEXT NOT NULL,
        detail TEXT NOT NULL, price TEXT, strength REAL, confidence REAL, p_win REAL, record TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX decisions_by_time ON decisions (decided_at)",
    """CREATE TABLE intents (
        client_id TEXT PRIMARY KEY, kind TEXT NOT NULL, decision_id TEXT NOT NULL, attempt INTEGER NOT NULL,
        ticker TEXT NOT NULL, inst_id TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
        contracts TEXT NOT NULL, contract_units TEXT NOT NULL, price TEXT, stop TEXT, target TEXT,
        strength REAL, trail_pct REAL, order_id TEXT NOT NULL, filled TEXT NOT NULL, average_price TEXT,
        unprotected_ms REAL, detail TEXT NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, sent_wall_ms INTEGER
    ) STRICT""",
    # One entry for one decision, ever: the database itself refuses the second.
    "CREATE UNIQUE INDEX one_entry_per_decision ON intents (decision_id) WHERE kind = 'entry'",
    "CREATE INDEX intents_by_instrument ON intents (inst_id, created_at)",
    "CREATE INDEX intents_by_state ON intents (state)",
    """CREATE TABLE intent_events (
        id INTEGER PRIMARY KEY, client_id TEXT NOT NULL REFERENCES intents (client_id), from_state TEXT NOT NULL,
        to_state TEXT NOT NULL, detail TEXT NOT NULL, venue_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX intent_events_by_client ON intent_events (client_id)",
    """CREATE TABLE trades (
        trade_id TEXT PRIMARY KEY, ticker TEXT NOT NULL, inst_id TEXT NOT NULL, entry_client_id TEXT NOT NULL,
        state TEXT NOT NULL, contract_units TEXT NOT NULL, strength REAL, trail_pct REAL,
        stop TEXT NOT NULL, target TEXT NOT NULL, bracket_attempts INTEGER NOT NULL DEFAULT 0,
        contracts TEXT NOT NULL, entry_price TEXT, exit_price TEXT, pnl TEXT NOT NULL, fees TEXT NOT NULL,
        funding TEXT NOT NULL, net TEXT NOT NULL, notional TEXT NOT NULL, reason TEXT,
        opened_at INTEGER NOT NULL, closed_at INTEGER
    ) STRICT""",
    "CREATE UNIQUE INDEX one_open_trade_per_instrument ON trades (inst_id) WHERE state = 'open'",
    "CREATE INDEX trades_by_close ON trades (closed_at)",
    """CREATE TABLE fills (
        inst_id TEXT NOT NULL, trade_id TEXT NOT NULL, order_id TEXT NOT NULL, client_id TEXT NOT NULL,
        bill_id TEXT NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL, contracts TEXT NOT NULL, fee TEXT NOT NULL,
        pnl TEXT NOT NULL, liquidation INTEGER NOT NULL, ts INTEGER NOT NULL, booked_to TEXT,
        PRIMARY KEY (inst_id, trade_id, order_id)
    ) STRICT""",
    "CREATE INDEX fills_by_trade ON fills (booked_to)",
    "CREATE INDEX fills_by_time ON fills (ts)",
    """CREATE TABLE bills (
        bill_id TEXT PRIMARY KEY, inst_id TEXT NOT NULL, kind TEXT NOT NULL, change TEXT NOT NULL, pnl TEXT NOT NULL,
        fee TEXT NOT NULL, balance TEXT NOT NULL, ts INTEGER NOT NULL, booked_to TEXT
    ) STRICT""",
    "CREATE INDEX bills_by_trade ON bills (booked_to)",
    "CREATE INDEX bills_by_time ON bills (ts)",
    """CREATE TABLE baselines (
        day TEXT PRIMARY KEY, ts INTEGER NOT NULL, equity TEXT NOT NULL, unrealised TEXT NOT NULL,
        realised TEXT NOT NULL, fees TEXT NOT NULL, funding TEXT NOT NULL, transfers TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE halts (
        reason TEXT PRIMARY KEY, detail TEXT NOT NULL, since INTEGER NOT NULL, lifts TEXT NOT NULL
    ) STRICT""",
    "CREATE TABLE pauses (ticker TEXT PRIMARY KEY, by TEXT NOT NULL, since INTEGER NOT NULL) STRICT",
)

_BRACKETS = (
    """CREATE TABLE brackets (
        client_id TEXT PRIMARY KEY, trade_id TEXT NOT NULL, inst_id TEXT NOT NULL, attached INTEGER NOT NULL,
        contracts TEXT, stop TEXT, target TEXT, state TEXT NOT NULL, algo_id TEXT NOT NULL, detail TEXT NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, steps INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX brackets_by_trade ON brackets (trade_id)",
    "CREATE INDEX brackets_by_state ON brackets (state)",
    # The number of the step is part of its key: written again after a doubtful commit, it is still one step.
    """CREATE TABLE bracket_events (
        client_id TEXT NOT NULL REFERENCES brackets (client_id), step INTEGER NOT NULL, from_state TEXT NOT NULL,
        to_state TEXT NOT NULL, detail TEXT NOT NULL, venue_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL,
        PRIMARY KEY (client_id, step)
    ) STRICT""",
)

_WORTH = (
    # Names of the signals, in the order of a row's values: a version that measures other signals has another set.
    "CREATE TABLE signal_sets (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE signal_rows (
        ticker TEXT NOT NULL, bar_ts INTEGER NOT NULL, close REAL NOT NULL,
        set_id INTEGER NOT NULL REFERENCES signal_sets (id), vals TEXT NOT NULL, PRIMARY KEY (ticker, bar_ts)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX signal_rows_by_time ON signal_rows (bar_ts)",
    # What would be, never what is: no order, fill or trade of the account stands in these.
    """CREATE TABLE shadow_seen (
        ticker TEXT PRIMARY KEY, bar_ts INTEGER NOT NULL, funding TEXT
    ) STRICT""",
    "CREATE TABLE shadow_books (policy TEXT PRIMARY KEY, book TEXT NOT NULL) STRICT",
    """CREATE TABLE shadow_positions (
        policy TEXT NOT NULL, ticker TEXT NOT NULL, position TEXT NOT NULL, PRIMARY KEY (policy, ticker)
    ) STRICT""",
    """CREATE TABLE shadow_trades (
        policy TEXT NOT NULL, trade_id TEXT NOT NULL, closed_at INTEGER NOT NULL, trade TEXT NOT NULL,
        PRIMARY KEY (policy, trade_id)
    ) STRICT""",
    "CREATE INDEX shadow_trades_by_close ON shadow_trades (closed_at)",
    """CREATE TABLE shadow_returns (
        policy TEXT NOT NULL, day TEXT NOT NULL, earned REAL NOT NULL, closed INTEGER NOT NULL,
        PRIMARY KEY (policy, day)
    ) STRICT""",
    """CREATE TABLE shadow_days (
        day TEXT PRIMARY KEY, by_model INTEGER NOT NULL, by_rules INTEGER NOT NULL, failed INTEGER NOT NULL,
        skipped INTEGER NOT NULL, parted INTEGER NOT NULL
    ) STRICT""",
)

_ERAS = (
    # One era is one model's weights under one wording of the prompt. What was measured before anybody noted whose
    # answers it was is era 0.
    """CREATE TABLE shadow_eras (
        era INTEGER PRIMARY KEY, model TEXT NOT NULL, digest TEXT NOT NULL, prompt_version TEXT NOT NULL,
        bar_ts INTEGER NOT NULL, day TEXT NOT NULL
    ) STRICT""",
    "ALTER TABLE shadow_trades ADD COLUMN era INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE shadow_returns RENAME TO shadow_returns_of_all",
    """CREATE TABLE shadow_returns (
        era INTEGER NOT NULL, policy TEXT NOT NULL, day TEXT NOT NULL, earned REAL NOT NULL, closed INTEGER NOT NULL,
        PRIMARY KEY (era, policy, day)
    ) STRICT""",
    "INSERT INTO shadow_returns SELECT 0, policy, day, earned, closed FROM shadow_returns_of_all",
    "DROP TABLE shadow_returns_of_all",
    "ALTER TABLE shadow_days RENAME TO shadow_days_of_all",
    """CREATE TABLE shadow_days (
        era INTEGER NOT NULL, day TEXT NOT NULL, by_model INTEGER NOT NULL, by_rules INTEGER NOT NULL,
        failed INTEGER NOT NULL, skipped INTEGER NOT NULL, unasked INTEGER NOT NULL, parted INTEGER NOT NULL,
        PRIMARY KEY (era, day)
    ) STRICT""",
    "INSERT INTO shadow_days SELECT 0, day, by_model, by_rules, failed, skipped, 0, parted FROM shadow_days_of_all",
    "DROP TABLE shadow_days_of_all",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _BRACKETS, _WORTH, _ERAS)
