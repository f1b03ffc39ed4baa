-- What stands as a hash is one. Older rows are left to `verify`, so that a ledger that was tampered with can be opened.
-- After the others have refused to replace anything.
CREATE TRIGGER ledger_events_hash AFTER INSERT ON ledger_events
WHEN length(NEW.hash) <> 64 OR NEW.hash GLOB '*[^0-9a-f]*'
BEGIN
    SELECT RAISE(ABORT, 'a hash is 64 hex digits');
END;
