"""What a definition and the files beside it must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.definition.modules import functions_of, module_key, named_modules
from tradewind.definition.problems import nearest

if TYPE_CHECKING:
    from tradewind.definition.agreement.file import Checks, File, Found
    from tradewind.definition.yaml_lines import KeyPath


def _name_is_the_folders(file: File) -> Found:
    name = file.text("name")
    if name is not None and file.folder is not None and name != file.folder:
        yield ("name",), f"expected {file.folder!r}, the name of its folder, found {name!r}"


def _sql_is_there(file: File) -> Found:
    features = file.section("features")
    name = features.get("sql", "features.sql")
    if not features or not isinstance(name, str):
        return
    path: KeyPath = ("features", "sql") if "sql" in features else ("features",)
    if name not in file.files:
        yield path, f"there is no file {name} beside model.yaml"
    elif not file.files[name].strip():
        yield path, f"{name} is empty: one SELECT is expected in it"


def _modules_are_found(file: File) -> Found:
    for path, module, function in named_modules(file.document):
        source = file.files.get(module_key(module))
        if source is None:
            yield path, f"there is no module {module} in the model's folder or on Python's path"
            continue
        try:
            functions = functions_of(source)
        except SyntaxError as error:
            yield path, f"{module} is no Python: line {error.lineno}: {error.msg}"
            continue
        if function not in functions:
            yield path, f"{module} has no function {function!r}{nearest(function, functions)}"


CHECKS: Checks = (
    _name_is_the_folders,
    _sql_is_there,
    _modules_are_found,
)
