-- Projections that follow the log: how far each has come, its rows, and the events that were left out of it.

-- Rows belong to a generation. One is read; a rebuild fills another beside it.
CREATE TABLE projections (
    name       text    NOT NULL,
    generation bigint  NOT NULL,
    nid        bigint  NOT NULL,
    is_read    boolean NOT NULL,
    CONSTRAINT projections_pkey PRIMARY KEY (name, generation)
);

CREATE UNIQUE INDEX projections_is_read ON projections (name) WHERE is_read;

INSERT INTO projections (name, generation, nid, is_read) VALUES ('statistics', 1, 0, true);

CREATE TABLE projection_rows (
    projection  text        NOT NULL,
    generation  bigint      NOT NULL,
    position_id text        COLLATE "C" NOT NULL,
    ended_at    timestamptz,
    row         text        NOT NULL,
    CONSTRAINT projection_rows_pkey PRIMARY KEY (projection, generation, position_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- What was not over at some time.
CREATE INDEX projection_rows_ended_at ON projection_rows (projection, generation, ended_at);

CREATE TABLE projection_skips (
    projection  text        NOT NULL,
    nid         bigint      NOT NULL,
    stream      text        NOT NULL,
    version     bigint      NOT NULL,
    stored_type text        NOT NULL,
    cause       text        NOT NULL,
    reason      text        NOT NULL,
    skipped_by  text        NOT NULL,
    ts_recorded timestamptz NOT NULL,
    CONSTRAINT projection_skips_pkey PRIMARY KEY (projection, nid)
);

CREATE TRIGGER projection_skips_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON projection_skips
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change();

-- Refusals of the last hours.
CREATE INDEX rejections_ts_recorded ON rejections (ts_recorded);
