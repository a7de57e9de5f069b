"""The only contact with the outside: lake, ledger, registry, expectations, sources."""
