-- No trace of a shadow is left at {table}, whatever that table is called by now.

BEGIN;
SET LOCAL lock_timeout = '5s';
SET LOCAL client_min_messages = 'warning';
DROP FUNCTION IF EXISTS {function}() CASCADE;  -- with the trigger
DROP TABLE IF EXISTS {outbox}, {cursors};
COMMIT;
