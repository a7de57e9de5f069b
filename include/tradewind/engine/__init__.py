"""A definition's SQL on DuckDB: relations cut at a moment, features, their proof and tests."""
