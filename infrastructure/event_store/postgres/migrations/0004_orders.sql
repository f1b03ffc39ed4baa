-- What a cycle knows of its orders, its money and its instrument. The rows are filled by the rebuild that follows.

ALTER TABLE IF EXISTS positions
    ADD COLUMN IF NOT EXISTS settle_currency text,
    ADD COLUMN IF NOT EXISTS contract_size   numeric NOT NULL DEFAULT 1,
    ADD COLUMN IF NOT EXISTS inverse         boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS protection      text    NOT NULL DEFAULT 'exchange',
    ADD COLUMN IF NOT EXISTS stray           boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS residual_qty    numeric NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cash            text    NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS net_pnl         numeric,
    ADD COLUMN IF NOT EXISTS orders          text    NOT NULL DEFAULT '[]';

-- Projections hold rows of cycles as well: they follow the log from its beginning again, when they are asked next.
DELETE FROM projection_rows;
UPDATE projections SET nid = 0;
