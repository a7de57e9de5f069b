-- Whoever is to be forgotten, until they are. Events, conf and logs know a random token; whom it
-- stands for is here alone, and the row is deleted when nothing else is left of them.

-- `held` is what the erasure goes by once it has begun: it stands here before anything is changed.
CREATE TABLE subjects (
    token text PRIMARY KEY CHECK (token ~ '^[0-9a-f]{32}$'),
    kind text NOT NULL CHECK (kind <> ''),
    value text NOT NULL CHECK (value <> ''),
    held jsonb,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (kind, value)
);
-- The planner is to remember nobody: what it remembers outlives the row.
ALTER TABLE subjects ALTER COLUMN value SET STATISTICS 0, ALTER COLUMN held SET STATISTICS 0;
GRANT SELECT, INSERT, UPDATE, DELETE ON subjects TO {app_role};

-- Whoever proves that nothing is left reads every table.
GRANT SELECT ON schema_migrations TO {app_role};
