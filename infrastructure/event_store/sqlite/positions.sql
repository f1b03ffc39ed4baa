-- A projection: rebuilt, never migrated. `positions` stands for whichever table is being made.

CREATE TABLE positions (
    position_id       TEXT    NOT NULL PRIMARY KEY,
    symbol            TEXT    NOT NULL,
    exchange          TEXT    NOT NULL,
    account           TEXT,
    leg               TEXT    NOT NULL,
    cycle             INTEGER NOT NULL,
    side              TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    quantity          TEXT    NOT NULL,
    requested_qty     TEXT,
    filled_qty        TEXT,
    avg_px_open       TEXT,
    signal_price      TEXT,
    stop_price        TEXT,
    protected         INTEGER NOT NULL,
    realized_pnl      TEXT,
    fees              TEXT    NOT NULL,
    exit_reason       TEXT,
    avg_px_close      TEXT,
    intent_id         TEXT,
    client_order_id   TEXT,
    exchange_order_id TEXT,
    version           INTEGER NOT NULL,
    opened_at         TEXT    NOT NULL,
    activated_at      TEXT,
    closed_at         TEXT,
    updated_at        TEXT    NOT NULL,
    stream            TEXT    NOT NULL,
    stop_quantity     TEXT,
    stop_order_id     TEXT,
    stop_confirmed    INTEGER NOT NULL,
    stop_locks_profit INTEGER NOT NULL,
    unprotected_since TEXT,
    outcome_unknown   INTEGER NOT NULL,
    rollback_failed   INTEGER NOT NULL,
    late_fill         INTEGER NOT NULL,
    fees_other        TEXT    NOT NULL,
    source            TEXT    NOT NULL,
    legacy_id         TEXT,
    settle_currency   TEXT,
    contract_size     TEXT    NOT NULL,
    inverse           INTEGER NOT NULL,
    protection        TEXT    NOT NULL,
    stray             INTEGER NOT NULL,
    residual_qty      TEXT    NOT NULL,
    cash              TEXT    NOT NULL,
    net_pnl           TEXT
) STRICT, WITHOUT ROWID;

-- The second, independent guard: one open cycle a stream.
CREATE UNIQUE INDEX positions_one_open ON positions (stream)
    WHERE status IN ('pending_entry', 'entry_placed', 'pending_sl', 'active', 'rolling_back');

-- What is held though its cycle is over: listed with what is open, and rare.
CREATE INDEX positions_strays ON positions (stream) WHERE stray;
