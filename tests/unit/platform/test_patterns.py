"""Patterns that strangers write, matched in linear time."""

import time

import pytest

from keyrail.platform.patterns import NotAPattern, is_pattern, matcher


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("[A-Z]{4}", "ABCD", True),
        ("[A-Z]{4}", "ABCDE", False),
        ("[A-Z]{4}", "ABCD\n", False),
        ("a|ab", "ab", True),
        ("^A$", "A", True),
        (r"\d{2}", "１２", False),
    ],
)
def test_the_whole_of_a_text_must_be_of_the_pattern(pattern: str, text: str, fits: bool) -> None:
    assert matcher(pattern)(text) is fits


@pytest.mark.parametrize("pattern", ["(", "[A-", "(?=A)A", r"(A)\1", "a{1001}", r"(\pL{1,100}){1,10}", "*"])
def test_what_needs_more_than_linear_time_or_is_no_pattern_is_refused(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not is_pattern(pattern)
    with pytest.raises(NotAPattern):
        matcher(pattern)
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_ruins_others_takes_no_longer_for_a_text_that_does_not_fit() -> None:
    fits = matcher("(a+)+b")
    began = time.process_time()
    assert not fits("a" * 256 + "c")
    assert time.process_time() - began < 1
