"""The back office imports a desk when it is first asked for: whoever asks must find the desk that answers."""

import re
from pathlib import Path

import pytest

from functions.operator_api.handler import DESKS, PREFIX

FOLDER = Path(__file__).resolve().parents[2] / "functions" / "operator_api"
DECLARED = {
    (word, module.stem)
    for module in FOLDER.glob("*.py")
    for word in re.findall(rf'^    "{PREFIX}([a-z-]+)', module.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize(("word", "desk"), sorted(DECLARED))
def test_a_path_leads_to_the_desk_that_declares_it(word: str, desk: str) -> None:
    assert desk in DESKS[word]


def test_no_desk_is_named_that_declares_nothing() -> None:
    assert {(word, desk) for word, desks in DESKS.items() for desk in desks} == DECLARED
