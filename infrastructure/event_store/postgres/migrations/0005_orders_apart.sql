-- The orders of a cycle, a line each: beside `positions`, or beside the table that a rebuild makes. In a ledger of
-- before, the lines are written by the rebuild that follows.

CREATE TABLE positions_orders (
    position_id       text        COLLATE "C" NOT NULL,
    place             bigint      NOT NULL,
    body              text        NOT NULL,
    CONSTRAINT positions_orders_pkey PRIMARY KEY (position_id, place)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
