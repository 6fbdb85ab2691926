"""Names that buyers and operators read: there is something to be seen in them, and it is what it seems."""

import pytest

from functions.operator_api.schemas.catalog import ProductIn
from functions.operator_api.schemas.common import ReasonIn
from functions.operator_api.schemas.work import WorkWordIn
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


@pytest.mark.parametrize("said", ["R-4711", "已充值", " done ", "ok\nseen", "✓"])
def test_a_reason_and_an_evidence_may_be_any_text(said: str) -> None:
    assert from_json(ReasonIn, to_json(ReasonIn(reason=said))).reason == said
    assert from_json(WorkWordIn, to_json(WorkWordIn(job="j", text=said, reason="r"))).text == said


@pytest.mark.parametrize("nothing", [" ", "\n\t", "\u200b", "\u3164", "\xad", "\u2060\ufeff", "\u202e", "\x00"])
def test_what_nobody_can_see_is_neither_a_reason_nor_an_evidence(nothing: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_json(ReasonIn, to_json(ReasonIn(reason=nothing)))
    (wrong,) = refused.value.fields
    assert (wrong.field, wrong.allowed) == ("reason", None)  # a long pattern tells nobody anything
    for field in ({"text": nothing}, {"reference": nothing}):
        with pytest.raises(Invalid):
            from_json(WorkWordIn, to_json(WorkWordIn(job="j", reason="r", **field)))
