-- The log, and the refused duplicates. The positions table is a projection: positions.sql.

CREATE TABLE ledger_events (
    nid         bigint      GENERATED ALWAYS AS IDENTITY,
    stream      text        COLLATE "C" NOT NULL,
    version     bigint      NOT NULL,
    type        text        NOT NULL,
    command_id  text        NOT NULL,
    intent_id   text        COLLATE "C",
    cycle       bigint      NOT NULL,
    mark        text,
    payload     text        NOT NULL,
    hash        text        NOT NULL,
    ts_recorded timestamptz NOT NULL,
    CONSTRAINT ledger_events_pkey PRIMARY KEY (stream, version)
);

-- The global order, for followers.
CREATE UNIQUE INDEX ledger_events_nid ON ledger_events (nid);

-- An intent opens one cycle of a stream, ever.
CREATE UNIQUE INDEX ledger_events_intent ON ledger_events (stream, intent_id) WHERE intent_id IS NOT NULL;

-- Where a history may be loaded from, and the events that stand outside their cycle's place.
CREATE INDEX ledger_events_mark ON ledger_events (stream, mark, cycle) WHERE mark IS NOT NULL;

-- Rows are only ever added: freeze them soon and in small steps, and keep the statistics of a growing table fresh.
ALTER TABLE ledger_events SET (
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_freeze_min_age = 0
);

CREATE TABLE rejections (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ts_recorded      timestamptz NOT NULL,
    stream           text        NOT NULL,
    command          text        NOT NULL,
    command_id       text        NOT NULL,
    intent_id        text,
    source           text        NOT NULL,
    error            text        NOT NULL,
    detected_by      text        NOT NULL,
    position_id      text,
    holder_intent_id text,
    message          text        NOT NULL
);

-- Raised as P0001, which nobody takes for a conflict of versions.
CREATE FUNCTION ledger_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING HINT = 'An event is corrected by another event.';
END
$$;

CREATE TRIGGER ledger_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change();

CREATE TRIGGER rejections_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rejections
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change();
