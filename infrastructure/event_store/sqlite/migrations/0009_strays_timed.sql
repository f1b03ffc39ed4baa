-- Earlier versions did not say in a row since when a stray is held without a stop. While the positions table has this
-- column it is not read, and whoever opens the ledger rebuilds it: the table that takes its place has no such column.
-- A table that migration 8 left to be rebuilt has the column of that one already, and SQLite adds none twice.
ALTER TABLE positions ADD COLUMN outdated_9 INTEGER;

-- Projections hold rows of cycles as well: they follow the log from its beginning again, when they are asked next.
DELETE FROM projection_rows;
UPDATE projections SET nid = 0;
