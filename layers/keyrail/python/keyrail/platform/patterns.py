"""Regular expressions that strangers write: RE2, whose time is linear in the text, whatever the pattern."""

from collections.abc import Callable

MAX_PROGRAM_BYTES = 1024 * 1024  # of memory for one pattern


class NotAPattern(ValueError):
    """Not of RE2's syntax, which has neither look-around nor back-references, or too large."""


def matcher(pattern: str) -> Callable[[str], bool]:
    """Says whether the whole of a text is of the pattern. Raises NotAPattern."""
    import re2

    options = re2.Options()
    options.log_errors = False  # it would write the pattern to standard error
    options.max_mem = MAX_PROGRAM_BYTES
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error:
        raise NotAPattern from None
    # Of bytes it need not find out again which character a match ends at.
    return lambda text: compiled.fullmatch(text.encode()) is not None


def matches(pattern: str, text: str) -> bool:
    """Raises NotAPattern."""
    return matcher(pattern)(text)


def is_pattern(pattern: str) -> bool:
    try:
        matcher(pattern)
    except NotAPattern:
        return False
    return True
