"""What a model *is*: the typed form of `config/models/<name>/`, and how it is read.

Field names are the YAML's keys. Nothing here touches a database, a model or a clock.
"""
