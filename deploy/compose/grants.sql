-- What each role may do in a ledger, run by its owner after `position-ledger init --runtime-role ledger_bot`, which grants
-- what bots need. A rebuild of the positions table keeps it.
GRANT USAGE ON SCHEMA ledger TO ledger_watch, ledger_reader, ledger_grafana;

-- For the commands that only read: status, diagnose, metrics, verify.
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO ledger_watch, ledger_reader;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA ledger TO ledger_watch, ledger_reader;

-- The live page, pnl, stats and report first take in for the statistics what was recorded.
GRANT UPDATE ON ledger.projections TO ledger_reader;
GRANT INSERT, UPDATE ON ledger.projection_rows TO ledger_reader;

-- The watch stores its alarms.
GRANT INSERT, UPDATE ON ledger.watches TO ledger_watch;

-- Dashboards: how positions stand, and nothing else.
GRANT SELECT ON ledger.positions, ledger.positions_orders TO ledger_grafana;
