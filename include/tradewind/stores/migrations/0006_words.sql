-- The words that people are told in events, beside them: an event holds a hash of each text and of
-- a random salt, so that the text can be taken out and neither the event nor the chain changes.

-- By the hash as the event has it: the salt and the text. What is gone was erased, and an event
-- says so; tradewind.stores.chain_words holds each against its event.
CREATE TABLE words (
    event_id bigint PRIMARY KEY REFERENCES events (id),
    texts jsonb NOT NULL CHECK (jsonb_typeof(texts) = 'object')
);
-- The planner is to remember nobody: what it remembers outlives the row.
ALTER TABLE words ALTER COLUMN texts SET STATISTICS 0;
GRANT SELECT, INSERT, UPDATE, DELETE ON words TO {app_role};
