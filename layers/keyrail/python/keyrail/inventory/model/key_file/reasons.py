"""Why a line of a key file was not taken, and the limits of what is taken."""

from enum import StrEnum

from keyrail.catalog.model import MAX_CODE_LENGTH
from keyrail.vault.model import mask

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_LINES = 1_000_000
MAX_LINE_LENGTH = 8_192  # characters
MAX_PASSWORD_LENGTH = 256
MAX_CONTROL_SHARE = 0.1  # of a file's characters; above it this is no text

__all__ = [
    "DUPLICATES", "MAX_CODE_LENGTH", "MAX_CONTROL_SHARE", "MAX_FILE_BYTES", "MAX_LINES", "MAX_LINE_LENGTH",
    "MAX_PASSWORD_LENGTH", "Reason", "Refused",
]  # fmt: skip


class Reason(StrEnum):
    """Why a line was not taken."""

    HEADER_AGAIN = "header_again"
    CODE_MISSING = "code_missing"
    CODE_TOO_SHORT = "code_too_short"
    CODE_TOO_LONG = "code_too_long"
    CODE_FORMAT = "code_format"
    MISTYPED_CODE = "mistyped_code"  # no code of ours, though it is to be one: nobody could ever redeem it
    PASSWORD_MISSING = "password_missing"
    PASSWORD_TOO_LONG = "password_too_long"
    FORMULA = "formula"
    CONTROL_CHARACTER = "control_character"
    UNEXPECTED_CHARACTER = "unexpected_character"
    DIGITS_LOST = "digits_lost"
    CELL_NOT_TEXT = "cell_not_text"
    EXPIRY_NOT_A_DATE = "expiry_not_a_date"
    EXPIRED = "expired"
    FACE_VALUE_NOT_AN_AMOUNT = "face_value_not_an_amount"
    FACE_VALUE_DIFFERS = "face_value_differs"
    LABEL_NOT_ALLOWED = "label_not_allowed"
    TOO_MANY_COLUMNS = "too_many_columns"
    AMBIGUOUS_COLUMN = "ambiguous_column"
    AMBIGUOUS_SEPARATOR = "ambiguous_separator"
    QUOTES_BROKEN = "quotes_broken"
    LINE_TOO_LONG = "line_too_long"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    DUPLICATE_IN_STOCK = "duplicate_in_stock"
    ALREADY_SOLD = "already_sold"


DUPLICATES = frozenset({Reason.DUPLICATE_IN_FILE, Reason.DUPLICATE_IN_STOCK, Reason.ALREADY_SOLD})


class Refused(Exception):
    """The line is not taken. `mask` is that of its code, where that is sound: of a damaged one it might show all."""

    def __init__(self, reason: Reason, *, code: str | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.mask = mask(code) if code else None
