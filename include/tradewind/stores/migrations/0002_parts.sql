-- The catalog of the lake: each row is one observation of one source on one UTC day.

-- `as_of` is the moment an observation stands for; the newest one not after a moment is what was
-- known at it. The columns' types are json, not jsonb, which forgets the order of the columns.
CREATE TABLE parts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    as_of timestamptz NOT NULL,
    source_id text NOT NULL CHECK (source_id <> ''),
    day date NOT NULL,
    change_token text NOT NULL,
    digest text NOT NULL,
    uri text NOT NULL,
    rows bigint NOT NULL CHECK (rows >= 0),
    min_event_time timestamptz,
    max_event_time timestamptz,
    columns json NOT NULL
);
CREATE INDEX parts_by_day ON parts (source_id, day, as_of DESC, id DESC);
CREATE INDEX parts_by_moment ON parts (source_id, as_of);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON parts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE parts ENABLE ALWAYS TRIGGER append_only;

-- Neither its number nor the time of its writing is the writer's to choose.
GRANT SELECT, INSERT (
    as_of, source_id, day, change_token, digest, uri, rows, min_event_time, max_event_time, columns
) ON parts TO {app_role};
