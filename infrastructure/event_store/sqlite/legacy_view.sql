-- The positions as the table of the old bot showed them; `{view}` stands for its name. What the ledger does not know is
-- null. `rolling_back` is shown as `entry_placed`, as which the old bot kept a position until its rollback was done.
-- Numbers are those of SQLite, for display; times are written as datetime() writes them, in UTC.

CREATE VIEW {view} AS
SELECT
    CASE WHEN p.legacy_id NOT GLOB '*[^0-9]*' AND length(p.legacy_id) BETWEEN 1 AND 15 THEN CAST(p.legacy_id AS INTEGER)
        ELSE 1000000000000 + (
            SELECT e.nid FROM ledger_events AS e
            WHERE e.stream = p.stream AND e.cycle = p.cycle AND e.mark IN ('flat', 'beside')
        ) END AS id,
    CASE WHEN p.intent_id NOT GLOB '*[^0-9]*' AND length(p.intent_id) BETWEEN 1 AND 18
        THEN CAST(p.intent_id AS INTEGER) END AS signal_id,
    CASE WHEN p.intent_id NOT GLOB '*[^0-9]*' AND length(p.intent_id) BETWEEN 1 AND 18
        THEN CAST(p.intent_id AS INTEGER) END AS trade_id,
    p.symbol,
    p.exchange,
    p.side,
    CASE WHEN CAST(p.quantity AS NUMERIC) > 0 THEN CAST(p.quantity AS NUMERIC)
        WHEN CAST(p.filled_qty AS NUMERIC) > 0 THEN CAST(p.filled_qty AS NUMERIC)
        ELSE CAST(coalesce(p.requested_qty, p.quantity) AS NUMERIC) END AS quantity,
    CAST(coalesce(p.avg_px_open, p.signal_price) AS NUMERIC) AS entry_price,
    NULL AS current_price,
    CAST(p.stop_price AS NUMERIC) AS stop_loss_price,
    CAST(p.stop_price AS NUMERIC) AS stop_loss,
    (
        SELECT CAST(json_extract(o.body, '$.price') AS NUMERIC) FROM positions_orders AS o
        WHERE o.position_id = p.position_id
            AND json_extract(o.body, '$.role') = 'target' AND json_extract(o.body, '$.ended') IS NULL
        ORDER BY o.place DESC LIMIT 1
    ) AS take_profit_price,
    CAST(p.realized_pnl AS NUMERIC) AS pnl,
    NULL AS unrealized_pnl,
    NULL AS pnl_percentage,
    NULL AS leverage,
    p.stop_confirmed AS has_stop_loss,
    NULL AS has_trailing_stop,
    NULL AS trailing_activated,
    CASE p.status WHEN 'rolling_back' THEN 'entry_placed' ELSE p.status END AS status,
    replace(substr(p.opened_at, 1, 26), 'T', ' ') AS opened_at,
    replace(substr(p.closed_at, 1, 26), 'T', ' ') AS closed_at,
    replace(substr(p.updated_at, 1, 26), 'T', ' ') AS updated_at,
    replace(substr(p.opened_at, 1, 26), 'T', ' ') AS created_at,
    p.exit_reason,
    p.exchange_order_id,
    p.position_id,
    p.account,
    p.leg
FROM positions AS p;
