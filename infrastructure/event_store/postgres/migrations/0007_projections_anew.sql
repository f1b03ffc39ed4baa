-- Earlier versions folded the facts of a cycle by other rules, and the migrations since 4 left them as they were: like
-- the positions table, they are folded anew from the events, when they are asked for next. A subscriber is sent what
-- its publisher folds anew, once: it keeps what it has.
-- The checkpoint first, as a follower does: nobody waits in a circle, and what a follower writes is deleted as well.
UPDATE projections SET nid = 0 WHERE NOT EXISTS (
    SELECT FROM pg_subscription_rel WHERE srrelid = pg_catalog.to_regclass('projections')::oid
);
DELETE FROM projection_rows WHERE NOT EXISTS (
    SELECT FROM pg_subscription_rel WHERE srrelid = pg_catalog.to_regclass('projection_rows')::oid
);
