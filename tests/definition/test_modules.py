"""What runs is the text that was frozen, whatever the file says by now."""

from __future__ import annotations

import pytest

from tradewind.definition.modules import load_function
from tradewind.errors import DefinitionError

FILES = {"python:own.shapes": "def twice(n):\n    return 2 * n\n"}


def test_a_function_is_loaded_from_the_frozen_text_of_a_module_that_nobody_can_import() -> None:
    assert load_function(FILES, "own.shapes:twice", place="here")(3) == 6


@pytest.mark.parametrize(
    ("files", "named", "said"),
    [
        (FILES, "own.shapes:thrice", "no attribute 'thrice'"),
        (FILES, "json:loads", "KeyError"),
        ({"python:own.shapes": "1 / 0"}, "own.shapes:twice", "division by zero"),
        ({"python:own.shapes": "def ("}, "own.shapes:twice", "SyntaxError"),
    ],
)
def test_what_cannot_be_loaded_is_named_with_its_place(
    files: dict[str, str], named: str, said: str
) -> None:
    with pytest.raises(DefinitionError, match=f"^m/model.yaml: here: {named} cannot .*{said}"):
        load_function(files, named, place="m/model.yaml: here")
