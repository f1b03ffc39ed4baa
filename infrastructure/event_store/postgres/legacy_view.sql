-- The positions as the table of the old bot showed them; `{view}` stands for its name. What the ledger does not know is
-- null. `rolling_back` is shown as `entry_placed`, as which the old bot kept a position until its rollback was done.

CREATE OR REPLACE VIEW {view} AS
SELECT
    CASE WHEN p.legacy_id ~ '^[0-9]{{1,15}}$' THEN p.legacy_id::bigint
        ELSE 1000000000000 + (
            SELECT e.nid FROM ledger_events AS e
            WHERE e.stream = p.stream AND e.cycle = p.cycle AND e.mark IN ('flat', 'beside')
        ) END AS id,
    CASE WHEN p.intent_id ~ '^[0-9]{{1,18}}$' THEN p.intent_id::bigint END AS signal_id,
    CASE WHEN p.intent_id ~ '^[0-9]{{1,18}}$' THEN p.intent_id::bigint END AS trade_id,
    p.symbol::varchar AS symbol,
    p.exchange::varchar AS exchange,
    p.side::varchar AS side,
    CASE WHEN p.quantity > 0::numeric THEN p.quantity
        WHEN p.filled_qty > 0::numeric THEN p.filled_qty
        ELSE coalesce(p.requested_qty, p.quantity) END AS quantity,
    coalesce(p.avg_px_open, p.signal_price) AS entry_price,
    NULL::numeric AS current_price,
    p.stop_price AS stop_loss_price,
    p.stop_price AS stop_loss,
    (
        SELECT (o.body::json ->> 'price')::numeric
        FROM positions_orders AS o
        WHERE o.position_id = p.position_id AND (o.body::json ->> 'role') = 'target'
            AND (o.body::json ->> 'ended') IS NULL
        ORDER BY o.place DESC LIMIT 1
    ) AS take_profit_price,
    p.realized_pnl AS pnl,
    NULL::numeric AS unrealized_pnl,
    NULL::numeric AS pnl_percentage,
    NULL::numeric(10, 2) AS leverage,
    p.stop_confirmed AS has_stop_loss,
    NULL::boolean AS has_trailing_stop,
    NULL::boolean AS trailing_activated,
    CASE p.status WHEN 'rolling_back' THEN 'entry_placed' ELSE p.status END::varchar AS status,
    p.opened_at,
    p.closed_at,
    p.updated_at,
    p.opened_at AT TIME ZONE 'UTC' AS created_at,
    p.exit_reason::text AS exit_reason,
    p.exchange_order_id::varchar AS exchange_order_id,
    p.position_id::varchar AS position_id,
    p.account::varchar AS account,
    p.leg::varchar AS leg
FROM positions AS p;
