"""Checks a model's folder against everything it names: sources, estimators, expectations.

The loader says what can be known from the files alone. Here the sources are asked for their
columns, every expression and the features' SQL are bound to them by DuckDB, and the estimators and
expectations are built. Nothing is trained, and no row is read, but for the warnings: they look into
a sample of every source for what names a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tradewind.definition.estimators import estimator_problems
from tradewind.definition.frozen import MODEL_FILE
from tradewind.definition.loader import load_definition, shown_folder
from tradewind.definition.problems import at_value
from tradewind.definition.yaml_lines import read_yaml
from tradewind.engine.database import open_database
from tradewind.engine.needed import needed_columns
from tradewind.engine.select_checks import (
    empty_relations,
    features_problems,
    grammar_problems,
    label_problems,
)
from tradewind.engine.sensitive import SAMPLED, resemblances
from tradewind.engine.source_checks import ask_sources
from tradewind.engine.sql_checks import CHECKING_MEMORY, expression_problems
from tradewind.errors import DefinitionError, TradewindError
from tradewind.stores import expectations
from tradewind.stores.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tradewind.definition.frozen import FrozenDefinition
    from tradewind.definition.schema import ModelDefinition
    from tradewind.definition.yaml_lines import Document, KeyPath
    from tradewind.settings import Settings

    Found = tuple[KeyPath, str]


def check_definition(folder: Path, *, settings: Settings) -> list[str]:
    """Check a model's folder.

    Args:
        folder: It holds `model.yaml` and the features' SQL.
        settings: Where connections and files are looked up.

    Returns:
        What is wrong, a line each, beginning with `file:line`; empty where nothing is. A source
        that does not answer is one of the problems, and what needs no source is checked anyway.
    """
    try:
        frozen = load_definition(folder)
    except DefinitionError as error:
        return error.problems
    found, about_sql = _problems(frozen, settings=settings)
    document = read_yaml(frozen.files[MODEL_FILE])
    lines = sorted({at_value(document, _in_file(path, document), said) for path, said in found})
    where = shown_folder(folder)
    return [
        *(f"{where}/{MODEL_FILE}:{problem.line}: {problem.text}" for problem in lines),
        *(f"{where}/{_in_folder(line, frozen)}" for line in sorted(about_sql, key=_line_number)),
    ]


def check_privacy(folder: Path, *, settings: Settings) -> list[str]:
    """What is read of the sources beyond need, and what looks personal and is not declared so.

    Args:
        folder: A model's, which `check_definition` finds nothing wrong with.
        settings: Where connections and files are looked up.

    Returns:
        A line each, none of which makes the definition wrong, and none with a value in it. A source
        that does not answer, or cannot be read, is passed over.
    """
    try:
        frozen = load_definition(folder)
    except DefinitionError:
        return []
    lines = []
    with open_database(memory=CHECKING_MEMORY, threads=1) as connection:
        for name, needed in needed_columns(frozen).items():
            source = frozen.model.sources[name]
            if needed.because:
                lines.append(f"{needed.because}: every column of {name} is ingested")
            if source.personal and not source.subjects:
                lines.append(
                    f"{frozen.place('sources', name)}: columns are personal, and nothing says "
                    f"whose the rows are: name the column under `subjects`, such as {{customer: "
                    f"{source.key[0]}}}, so that they can be forgotten"
                )
            try:
                with open_source(name, source, settings=settings, needed=needed.columns) as reader:
                    sample = reader.sample(SAMPLED)
            except TradewindError:
                continue
            connection.register("arriving", sample)
            connection.execute("CREATE OR REPLACE TABLE sampled AS FROM arriving")
            found = resemblances(connection, name, source, table="sampled")
            lines += [f"{frozen.place('sources')}: {each.sentence}" for each in found]
    return lines


def _in_file(path: KeyPath, document: Document) -> KeyPath:
    """A name that stands for a list of one has no place in a list."""
    is_item = isinstance(path[-1], int) and path not in document.key_lines
    return path[:-1] if is_item else path


def _in_folder(problem: str, frozen: FrozenDefinition) -> str:
    """A problem as seen from the model's folder, whose name is the model's."""
    return problem.removeprefix(f"{frozen.model.name}/")


def _line_number(problem: str) -> int:
    number = problem.split(":", 2)[1]
    return int(number) if number.isdigit() else 0


def _problems(frozen: FrozenDefinition, *, settings: Settings) -> tuple[list[Found], list[str]]:
    """What is wrong in model.yaml, by path, and in the features' SQL."""
    model = frozen.model
    found = [*_of_estimators(model), *_of_expectations(model)]
    asked = ask_sources(model, settings=settings)
    of_sources = [*asked.problems, *expression_problems(model, asked.schemas)]
    found += of_sources
    if any(path[0] == "sources" for path, _ in of_sources):
        return found, grammar_problems(frozen)
    with empty_relations(frozen, asked.schemas) as connection:
        found += label_problems(connection, frozen)
        about_sql = features_problems(connection, frozen)
    if about_sql or found:
        return found, about_sql
    # Once more with what will be there, since only what is needed is ingested.
    with empty_relations(frozen, _ingested(frozen, asked.schemas)) as connection:
        return found, features_problems(connection, frozen)


def _ingested(frozen: FrozenDefinition, schemas: Mapping[str, pa.Schema]) -> dict[str, pa.Schema]:
    """The columns of each source that are needed."""
    return {
        name: pa.schema(
            [
                column
                for column in schemas[name]
                if needed.columns is None or column.name.casefold() in needed.columns
            ]
        )
        for name, needed in needed_columns(frozen).items()
    }


def _of_estimators(model: ModelDefinition) -> Iterator[Found]:
    for name, candidate in model.train.candidates.items():
        yield from estimator_problems(name, candidate, model.problem)


def _of_expectations(model: ModelDefinition) -> Iterator[Found]:
    for place, said in expectations.problems(model.validate_.expectations).items():
        yield ("validate", "expectations", place, "expect"), said
