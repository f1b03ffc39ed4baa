-- The shadow of {table}: a trigger keeps every change in {outbox}, for `position-ledger shadow --from` to read.
-- Undo all of it with: position-ledger shadow --print-trigger --drop

BEGIN;
SET LOCAL lock_timeout = '5s';  -- rather fail, and be tried again, than make the bot queue behind this

CREATE TABLE {outbox} (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    old_row jsonb,
    new_row jsonb
);

-- Numbers begin at the microsecond of today: an outbox that is made anew never uses one again.
DO $shadow$
BEGIN
    PERFORM setval(
        pg_get_serial_sequence({outbox_text}, 'id'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    );
END
$shadow$;

-- How far each ledger has read; a ledger is named by the hash of its first event.
CREATE TABLE {cursors} (
    ledger text COLLATE "C" PRIMARY KEY,
    id     bigint NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Runs with the rights of whoever makes it, so that the bot needs none. Whatever goes wrong here is a warning in the
-- server's log, and the bot's write goes on; so it does when the outbox is locked for longer than a tenth of a second.
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '100ms'
AS $shadow$
DECLARE
    passing CONSTANT text[] := ARRAY[
        'current_price', 'unrealized_pnl', 'pnl', 'pnl_percentage', 'updated_at', 'last_update'
    ];
    was jsonb;
    becomes jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        was := to_jsonb(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        becomes := to_jsonb(NEW);
    END IF;
    IF TG_OP <> 'UPDATE' OR was - passing <> becomes - passing THEN
        INSERT INTO {outbox} (old_row, new_row) VALUES (was, becomes);
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the shadow of the ledger missed a change (%): %', SQLSTATE, SQLERRM;
    RETURN NULL;
END
$shadow$;

CREATE TRIGGER position_ledger_shadow AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {function}();

COMMIT;
