"""A supplier's key file: bytes in, keys and reasons out. Pure, bounded in memory, and nothing is guessed.

What counts as what:
- Lines are those an editor shows; each is counted once, as accepted, duplicate, rejected or ignored.
- Ignored are blank lines, comments (`#` or `//`) and the header.

`encodings` and `lines` turn bytes into lines, `rows` lines into cells, `sheets` a workbook's values into cells, and
`keys` cells into keys.
"""

from keyrail.inventory.model.key_file.encodings import Encoding, EncodingSurvey, Judge
from keyrail.inventory.model.key_file.keys import FileKey, Requirements, Rules, has_password, read_key
from keyrail.inventory.model.key_file.lines import Line, lines
from keyrail.inventory.model.key_file.reasons import (
    DUPLICATES,
    MAX_CODE_LENGTH,
    MAX_FILE_BYTES,
    MAX_LINE_LENGTH,
    MAX_LINES,
    Reason,
    Refused,
)
from keyrail.inventory.model.key_file.rows import Cell, Layout, Row, check_header, layout_of, rows

__all__ = [
    "DUPLICATES",
    "MAX_CODE_LENGTH",
    "MAX_FILE_BYTES",
    "MAX_LINES",
    "MAX_LINE_LENGTH",
    "Cell",
    "Encoding",
    "EncodingSurvey",
    "FileKey",
    "Judge",
    "Layout",
    "Line",
    "Reason",
    "Refused",
    "Requirements",
    "Row",
    "Rules",
    "check_header",
    "has_password",
    "layout_of",
    "lines",
    "read_key",
    "rows",
]
