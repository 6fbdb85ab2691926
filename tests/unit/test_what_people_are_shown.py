"""Names that buyers and operators read: there is something to be seen in them, and it is what it seems."""

import pytest

from functions.operator_api.schemas.catalog import ProductIn
from keyrail.platform.documents import from_json, to_json
from keyrail.platform.errors import Invalid


def _named(name: str) -> ProductIn:
    return from_json(ProductIn, to_json(ProductIn(name=name, reason="new")))


@pytest.mark.parametrize(
    "name", ["话费　50元", "原神 60 创世结晶", "Top-up 👨\u200d👩\u200d👧", "❤️", "Crédit", "ＱＱ币"]
)
def test_a_name_may_be_in_any_script(name: str) -> None:
    assert _named(name).name == name


@pytest.mark.parametrize("name", ["", "   ", "\u3000", "\u200b", "a\x00b", "a\nb", "\x7f", "10 \u202e05", "a\u2067b"])
def test_a_name_that_shows_nothing_or_something_else_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        _named(name)
    assert {wrong.field for wrong in refused.value.fields} == {"name"}
