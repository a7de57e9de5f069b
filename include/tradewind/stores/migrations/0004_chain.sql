-- Every event in one chain: each entry holds the one before it, so that nothing of what was written
-- can be changed, taken away or exchanged without a trace. tradewind.stores.chain_walk computes all
-- of it again, in Python, from the rows.

-- What an entry says of its event stands here too, so that one that is gone can still be named.
CREATE TABLE chain (
    position bigint PRIMARY KEY CHECK (position > 0),
    event_id bigint NOT NULL UNIQUE,
    recorded_at timestamptz NOT NULL,
    model text,
    kind text NOT NULL,
    digest text NOT NULL,
    hash text NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE chain ENABLE ALWAYS TRIGGER append_only;

-- Neither a position nor a hash is anybody's to choose: the trigger below writes them.
GRANT SELECT ON chain TO {app_role};

-- SHA-256 over fields as a JSON array, so that no two lists of fields make the same text. Moments
-- are whole microseconds since 1970, which no setting of a session changes.
CREATE FUNCTION chain_up(written events) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before record;
    place bigint;
    moment bigint := extract(epoch FROM written.recorded_at) * 1000000;
    digest text := encode(sha256(convert_to(json_build_array(
        'event', written.id, moment, (extract(epoch FROM written.as_of) * 1000000)::bigint,
        written.model, written.kind, written.actor, written.reason, written.payload::text
    )::text, 'UTF8')), 'hex');
BEGIN
    SELECT c.position, c.hash INTO before FROM public.chain c ORDER BY c.position DESC LIMIT 1;
    place := coalesce(before.position, 0) + 1;
    INSERT INTO public.chain (position, event_id, recorded_at, model, kind, digest, hash)
    VALUES (
        place, written.id, written.recorded_at, written.model, written.kind, digest,
        encode(sha256(convert_to(json_build_array(
            'entry', before.hash, place, written.id, moment, written.model, written.kind, digest
        )::text, 'UTF8')), 'hex')
    );
END;
$$;

-- One writer at a time reads the newest entry and adds the next; the lock goes with the commit, so
-- whoever comes next sees it. A writer whose snapshot is older fails on the position's key.
CREATE FUNCTION chain_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Two numbers: the locks of the models are of one, and never the same as this.
    PERFORM pg_advisory_xact_lock(7214, 4);
    PERFORM public.chain_up(NEW);
    RETURN NULL;
END;
$$;

-- Nobody else may hang what writes the chain on a table of their own.
REVOKE ALL ON FUNCTION chain_up, chain_event FROM PUBLIC;

-- Deferred to the commit: the lock is always the last that a transaction takes, after a model's and
-- those of the projections' rows, so that it is part of no deadlock, and is held for that long only.
CREATE CONSTRAINT TRIGGER chained AFTER INSERT ON events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain_event();
ALTER TABLE events ENABLE ALWAYS TRIGGER chained;

-- What was written before there was a chain, as it stands; nobody writes meanwhile.
DO $$
DECLARE
    written events;
BEGIN
    FOR written IN SELECT * FROM events ORDER BY id LOOP
        PERFORM chain_up(written);
    END LOOP;
END;
$$;
