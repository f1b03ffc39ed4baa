-- What a cycle knows of its orders, its money and its instrument. The rows are filled by the rebuild that follows.

ALTER TABLE positions ADD COLUMN settle_currency TEXT;
ALTER TABLE positions ADD COLUMN contract_size TEXT NOT NULL DEFAULT '1';
ALTER TABLE positions ADD COLUMN inverse INTEGER NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN protection TEXT NOT NULL DEFAULT 'exchange';
ALTER TABLE positions ADD COLUMN stray INTEGER NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN residual_qty TEXT NOT NULL DEFAULT '0';
ALTER TABLE positions ADD COLUMN cash TEXT NOT NULL DEFAULT '{}';
ALTER TABLE positions ADD COLUMN net_pnl TEXT;
ALTER TABLE positions ADD COLUMN orders TEXT NOT NULL DEFAULT '[]';

-- Projections hold rows of cycles as well: they follow the log from its beginning again, when they are asked next.
DELETE FROM projection_rows;
UPDATE projections SET nid = 0;
