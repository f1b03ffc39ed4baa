-- Earlier versions folded some histories by other rules. While the positions table has this column it is not read, and
-- whoever opens the ledger rebuilds it: the table that takes its place has no such column.
ALTER TABLE positions ADD COLUMN outdated INTEGER;

-- Projections hold rows of cycles as well: they follow the log from its beginning again, when they are asked next.
DELETE FROM projection_rows;
UPDATE projections SET nid = 0;
