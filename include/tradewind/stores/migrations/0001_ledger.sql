-- What happened, in order, for good; and what can be told from it at a glance.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of "%" is refused: it is append-only, for every role', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'What turned out wrong is put right by a later row that says so.';
END;
$$;

-- Every decision. `as_of` is the moment it stands for, `recorded_at` when it was really written.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    as_of timestamptz NOT NULL,
    model text,
    kind text NOT NULL CHECK (kind <> ''),
    actor text NOT NULL,
    reason text NOT NULL,
    payload jsonb NOT NULL
);
CREATE INDEX events_by_model ON events (model, kind, id);
CREATE INDEX events_by_kind ON events (kind, id);

-- Once per statement: it refuses also where no row would have matched.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE events ENABLE ALWAYS TRIGGER append_only;

-- Neither its number nor the time of its writing is the writer's to choose.
GRANT SELECT, INSERT (as_of, model, kind, actor, reason, payload) ON events TO {app_role};

-- The text of every definition that a run ever stood on, under its digest.
CREATE TABLE definitions (
    digest text PRIMARY KEY,
    files jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON definitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE definitions ENABLE ALWAYS TRIGGER append_only;
GRANT SELECT, INSERT (digest, files) ON definitions TO {app_role};

-- Projection of the lease events: who may change a model now. A row is never removed while it
-- counts, because the fencing token grows over releases and expiries too.
CREATE TABLE leases (
    model text PRIMARY KEY,
    holder text NOT NULL,
    fencing_token bigint NOT NULL CHECK (fencing_token > 0),
    acquired_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    released_at timestamptz,
    event_id bigint NOT NULL REFERENCES events (id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON leases TO {app_role};

-- Projection of the `stage_outcome` events: the newest of each stage of each run. Airflow's run
-- ids are unique within a DAG only, so the model is part of the key.
CREATE TABLE outcomes (
    model text NOT NULL,
    run_id text NOT NULL,
    stage text NOT NULL,
    outcome jsonb NOT NULL,
    event_id bigint NOT NULL REFERENCES events (id),
    PRIMARY KEY (model, run_id, stage)
);
CREATE INDEX outcomes_newest ON outcomes (model, stage, event_id);
CREATE INDEX outcomes_by_event ON outcomes (event_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON outcomes TO {app_role};
