-- The log, and the refused duplicates. The positions table is a projection: positions.sql.

CREATE TABLE ledger_events (
    nid         INTEGER PRIMARY KEY AUTOINCREMENT,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    command_id  TEXT    NOT NULL,
    intent_id   TEXT,
    cycle       INTEGER NOT NULL,
    mark        TEXT,
    payload     TEXT    NOT NULL,
    hash        TEXT    NOT NULL,
    ts_recorded TEXT    NOT NULL,
    UNIQUE (stream, version)
) STRICT;

-- An intent opens one cycle of a stream, ever.
CREATE UNIQUE INDEX ledger_events_intent ON ledger_events (stream, intent_id) WHERE intent_id IS NOT NULL;

-- Where a history may be loaded from, and the events that stand outside their cycle's place.
CREATE INDEX ledger_events_mark ON ledger_events (stream, cycle) WHERE mark IS NOT NULL;

CREATE TRIGGER ledger_events_no_update BEFORE UPDATE ON ledger_events
BEGIN
    SELECT RAISE(ABORT, 'ledger_events is append-only: an event is corrected by another event');
END;

CREATE TRIGGER ledger_events_no_delete BEFORE DELETE ON ledger_events
BEGIN
    SELECT RAISE(ABORT, 'ledger_events is append-only: nothing is ever deleted');
END;

-- INSERT OR REPLACE deletes without firing a delete trigger.
CREATE TRIGGER ledger_events_no_replace BEFORE INSERT ON ledger_events
WHEN EXISTS (SELECT 1 FROM ledger_events WHERE stream = NEW.stream AND version = NEW.version)
    OR EXISTS (SELECT 1 FROM ledger_events WHERE nid = NEW.nid)
    OR EXISTS (SELECT 1 FROM ledger_events WHERE stream = NEW.stream AND intent_id = NEW.intent_id)
BEGIN
    SELECT RAISE(ABORT, 'ledger_events is append-only: an event is never replaced');
END;

CREATE TABLE rejections (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    ts_recorded      TEXT NOT NULL,
    stream           TEXT NOT NULL,
    command          TEXT NOT NULL,
    command_id       TEXT NOT NULL,
    intent_id        TEXT,
    source           TEXT NOT NULL,
    error            TEXT NOT NULL,
    detected_by      TEXT NOT NULL,
    position_id      TEXT,
    holder_intent_id TEXT,
    message          TEXT NOT NULL
) STRICT;

CREATE TRIGGER rejections_no_update BEFORE UPDATE ON rejections
BEGIN
    SELECT RAISE(ABORT, 'rejections is append-only');
END;

CREATE TRIGGER rejections_no_delete BEFORE DELETE ON rejections
BEGIN
    SELECT RAISE(ABORT, 'rejections is append-only');
END;

CREATE TRIGGER rejections_no_replace BEFORE INSERT ON rejections
WHEN EXISTS (SELECT 1 FROM rejections WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'rejections is append-only');
END;
