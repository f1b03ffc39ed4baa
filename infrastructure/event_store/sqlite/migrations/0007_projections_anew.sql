-- Earlier versions folded the facts of a cycle by other rules, and the migrations since 4 left them as they were: like
-- the positions table, they are folded anew from the events, when they are asked for next.
DELETE FROM projection_rows;
UPDATE projections SET nid = 0;

-- The first ledgers of schema version 3 got this guard BEFORE the others.
DROP TRIGGER ledger_events_hash;
CREATE TRIGGER ledger_events_hash AFTER INSERT ON ledger_events
WHEN length(NEW.hash) <> 64 OR NEW.hash GLOB '*[^0-9a-f]*'
BEGIN
    SELECT RAISE(ABORT, 'a hash is 64 hex digits');
END;
