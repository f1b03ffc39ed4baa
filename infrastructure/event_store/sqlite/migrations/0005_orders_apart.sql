-- The orders of a cycle, a line each: beside `positions`, or beside the table that a rebuild makes. In a ledger of
-- before, the lines are written by the rebuild that follows.

CREATE TABLE positions_orders (
    position_id       TEXT    NOT NULL,
    place             INTEGER NOT NULL,
    body              TEXT    NOT NULL,
    PRIMARY KEY (position_id, place)
) STRICT, WITHOUT ROWID;
