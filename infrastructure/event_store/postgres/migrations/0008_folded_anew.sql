-- Earlier versions folded some histories by other rules. While the positions table has this column it is not read, and
-- whoever opens the ledger rebuilds it: the table that takes its place has no such column.
ALTER TABLE IF EXISTS positions ADD COLUMN IF NOT EXISTS outdated boolean;

-- Projections hold rows of cycles as well: they follow the log from its beginning again, when they are asked next. A
-- subscriber is sent what its publisher folds anew, once: it keeps what it has.
-- The checkpoint first, as a follower does: nobody waits in a circle, and what a follower writes is deleted as well.
UPDATE projections SET nid = 0 WHERE NOT EXISTS (
    SELECT FROM pg_subscription_rel WHERE srrelid = pg_catalog.to_regclass('projections')::oid
);
DELETE FROM projection_rows WHERE NOT EXISTS (
    SELECT FROM pg_subscription_rel WHERE srrelid = pg_catalog.to_regclass('projection_rows')::oid
);
