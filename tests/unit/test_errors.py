"""The error tree: every refusal has a status, a code of one meaning, and a title in both languages."""

import importlib
import pkgutil
from collections import defaultdict

import pytest

import functions
import keyrail
from keyrail.platform.errors import Charged, FieldError, KeyrailError, Kind
from keyrail.platform.http import STATUS_OF, status_of


def _import_everything() -> None:
    for package in (keyrail, functions):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def _below(error: type[KeyrailError]) -> set[type[KeyrailError]]:
    return {found for child in error.__subclasses__() for found in ({child} | _below(child))}


_import_everything()
ERRORS = sorted(
    (error for error in _below(KeyrailError) if error.__module__.partition(".")[0] in {"keyrail", "functions"}),
    key=lambda error: (error.code, error.__module__),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_table_maps_every_error(error: type[KeyrailError]) -> None:
    branch = next(cls for cls in error.__mro__ if cls in STATUS_OF)
    assert branch is not KeyrailError or status_of(error) == 500
    assert status_of(error) == STATUS_OF[branch]


def test_every_branch_of_the_tree_stands_in_the_table() -> None:
    drawn = {cls for cls in KeyrailError.__subclasses__() if cls.__module__ == "keyrail.platform.errors"}
    assert drawn | {KeyrailError} == set(STATUS_OF)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_speaks_english_and_chinese(error: type[KeyrailError]) -> None:
    assert error.title.isascii()
    assert error.title
    assert any("\u4e00" <= character <= "\u9fff" for character in error.title_zh)


def test_titles_of_one_class_are_translated_together() -> None:
    half = [error.__name__ for error in ERRORS if ("title" in vars(error)) != ("title_zh" in vars(error))]
    assert half == []


def test_every_error_has_a_code_of_its_own() -> None:
    inherited = [error.__name__ for error in ERRORS if "code" not in vars(error)]
    assert inherited == []
    by_code = defaultdict(list)
    for error in ERRORS:
        by_code[error.code].append(error)
    assert not {code for code, errors in by_code.items() if len(errors) > 1}
    for errors in by_code.values():
        assert len({(status_of(e), e.kind, e.retryable, e.charged) for e in errors}) == 1


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_a_client_learns_whether_to_try_again_and_whether_money_moved(error: type[KeyrailError]) -> None:
    assert isinstance(error.kind, Kind)
    assert isinstance(error.charged, Charged)
    assert error.retryable == (status_of(error) in {429, 503})
    assert (error.charged is Charged.UNKNOWN) == (error.kind is Kind.UNKNOWN_OUTCOME)


def test_the_text_of_an_error_is_its_code_and_nothing_else() -> None:
    assert str(KeyrailError(FieldError("items.0.quantity", "below_one"))) == "internal_error"
