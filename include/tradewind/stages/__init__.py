"""The arrows of the path, one module each: `admit`, `ingest`, ... `register`.

A stage takes records and stores and returns a record. Stages never import each other.
"""
