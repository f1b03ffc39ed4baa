-- Projections that follow the log: how far each has come, its rows, and the events that were left out of it.

-- Rows belong to a generation. One is read; a rebuild fills another beside it.
CREATE TABLE projections (
    name       TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    nid        INTEGER NOT NULL,
    is_read    INTEGER NOT NULL,
    PRIMARY KEY (name, generation)
) STRICT;

CREATE UNIQUE INDEX projections_is_read ON projections (name) WHERE is_read = 1;

INSERT INTO projections (name, generation, nid, is_read) VALUES ('statistics', 1, 0, 1);

CREATE TABLE projection_rows (
    projection  TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    position_id TEXT    NOT NULL,
    ended_at    TEXT,
    row         TEXT    NOT NULL,
    PRIMARY KEY (projection, generation, position_id)
) STRICT, WITHOUT ROWID;

-- What was not over at some time.
CREATE INDEX projection_rows_ended_at ON projection_rows (projection, generation, ended_at);

CREATE TABLE projection_skips (
    projection  TEXT    NOT NULL,
    nid         INTEGER NOT NULL,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    stored_type TEXT    NOT NULL,
    cause       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    skipped_by  TEXT    NOT NULL,
    ts_recorded TEXT    NOT NULL,
    PRIMARY KEY (projection, nid)
) STRICT;

CREATE TRIGGER projection_skips_no_update BEFORE UPDATE ON projection_skips
BEGIN
    SELECT RAISE(ABORT, 'projection_skips is append-only');
END;

CREATE TRIGGER projection_skips_no_delete BEFORE DELETE ON projection_skips
BEGIN
    SELECT RAISE(ABORT, 'projection_skips is append-only');
END;

CREATE TRIGGER projection_skips_no_replace BEFORE INSERT ON projection_skips
WHEN EXISTS (SELECT 1 FROM projection_skips WHERE projection = NEW.projection AND nid = NEW.nid)
BEGIN
    SELECT RAISE(ABORT, 'projection_skips is append-only');
END;

-- Refusals of the last hours.
CREATE INDEX rejections_ts_recorded ON rejections (ts_recorded);
