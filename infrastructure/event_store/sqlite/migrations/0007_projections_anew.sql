-- Earlier versions folded the facts of a cycle by other rules, and the migrations since 4 left them as they were: like
-- the positions table, they are folded anew from the events, when they are asked for next.
DELETE FROM projection_rows;
UPDATE projections SET nid = 0;
