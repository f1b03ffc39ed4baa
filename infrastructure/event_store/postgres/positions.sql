-- A projection: rebuilt, never migrated. `positions` stands for whichever table is being made.

CREATE TABLE positions (
    position_id       text        COLLATE "C" NOT NULL,
    symbol            text        NOT NULL,
    exchange          text        NOT NULL,
    account           text,
    leg               text        NOT NULL,
    cycle             bigint      NOT NULL,
    side              text        NOT NULL,
    status            text        NOT NULL,
    quantity          numeric     NOT NULL,
    requested_qty     numeric,
    filled_qty        numeric,
    avg_px_open       numeric,
    signal_price      numeric,
    stop_price        numeric,
    protected         boolean     NOT NULL,
    realized_pnl      numeric,
    fees              numeric     NOT NULL,
    exit_reason       text,
    avg_px_close      numeric,
    intent_id         text,
    client_order_id   text,
    exchange_order_id text,
    version           bigint      NOT NULL,
    opened_at         timestamptz NOT NULL,
    activated_at      timestamptz,
    closed_at         timestamptz,
    updated_at        timestamptz NOT NULL,
    stream            text        COLLATE "C" NOT NULL,
    stop_quantity     numeric,
    stop_order_id     text,
    stop_confirmed    boolean     NOT NULL,
    stop_locks_profit boolean     NOT NULL,
    unprotected_since timestamptz,
    outcome_unknown   boolean     NOT NULL,
    rollback_failed   boolean     NOT NULL,
    late_fill         boolean     NOT NULL,
    fees_other        text        NOT NULL,
    source            text        NOT NULL,
    legacy_id         text,
    settle_currency   text,
    contract_size     numeric     NOT NULL,
    inverse           boolean     NOT NULL,
    protection        text        NOT NULL,
    stray             boolean     NOT NULL,
    residual_qty      numeric     NOT NULL,
    cash              text        NOT NULL,
    net_pnl           numeric,
    CONSTRAINT positions_pkey PRIMARY KEY (position_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- The second, independent guard: one open cycle a stream.
CREATE UNIQUE INDEX positions_one_open ON positions (stream)
    WHERE status IN ('pending_entry', 'entry_placed', 'pending_sl', 'active', 'rolling_back');

-- What is held though its cycle is over: listed with what is open, and rare.
CREATE INDEX positions_strays ON positions (stream) WHERE stray;
