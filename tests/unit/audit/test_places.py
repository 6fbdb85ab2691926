"""Every kind of subject that the relay puts on record is one whose item the verification finds."""

from collections.abc import Iterator

import pytest

from functions.event_relay.stream import Change
from functions.operator_api import audit
from functions.operator_api.app import Settings, settings
from tests.unit.events.test_domain_events import HAPPENINGS

SUBJECTS = sorted({Change(happening.item, happening.events).record.subject for happening in HAPPENINGS})


@pytest.fixture(autouse=True)
def named_tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in Settings.__dataclass_fields__:
        monkeypatch.setenv(name.upper(), f"the {name}")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_an_item_is_found_by_its_subject_and_the_subject_by_its_item(subject: str) -> None:
    kind, _, name = subject.partition(":")
    places = audit.places()
    (place,) = [place for place in places if place.kind == kind]
    assert place.id_of(place.key_of(name)) == name
    of_table = [other for other in places if other.table_name == place.table_name]
    assert [other.kind for other in of_table if other.id_of(place.key_of(name)) is not None] == [kind]


@pytest.mark.parametrize("key", ["pool#game-100", "fingerprint#01", "holds", "generated#bat_1"])
def test_what_is_not_audited_is_nobody_s_item(key: str) -> None:
    in_keys_table = [place for place in audit.places() if place.table_name == "the keys_table"]
    assert len(in_keys_table) > 1
    assert [place.kind for place in in_keys_table if place.id_of({"key_id": key}) is not None] == []
