-- The nights: which were served, and what is wrong now.

-- Projection of the `night_scored` events: the first of a night is final, whoever comes second.
CREATE TABLE nights (
    model text NOT NULL,
    night timestamptz NOT NULL,
    scored jsonb NOT NULL,
    event_id bigint NOT NULL REFERENCES events (id),
    PRIMARY KEY (model, night)
);
GRANT SELECT, INSERT, DELETE ON nights TO {app_role};

-- Projection of the incident events: one open incident of each cause.
CREATE TABLE incidents (
    model text NOT NULL,
    key text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'acknowledged', 'closed')),
    incident jsonb NOT NULL,
    event_id bigint NOT NULL REFERENCES events (id),
    PRIMARY KEY (model, key)
);
CREATE INDEX incidents_by_state ON incidents (state, model);
GRANT SELECT, INSERT, UPDATE, DELETE ON incidents TO {app_role};
