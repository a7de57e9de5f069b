"""Pages for people, rendered from what the stages stored when somebody looks."""
