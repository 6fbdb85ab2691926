"""What a workbook's cell shows, and whether it still is what its author typed.

Excel keeps 15 digits of a number and no leading zeros, and makes dates out of what looks like one. A number is taken as
its format shows it; what has lost digits, or is no longer what it was, is refused.
"""

import csv
import io
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from keyrail.inventory.model.key_columns import FileProblem, Unreadable, columns_of, hides_names, is_title
from keyrail.inventory.model.key_file.lines import narrowed
from keyrail.inventory.model.key_file.reasons import MAX_LINE_LENGTH, Reason
from keyrail.inventory.model.key_file.rows import CELLS, Cell, Layout, Row, is_remark

MAX_DIGITS = 15
# Excel writes a control character as `_x0007_`; read back, that is no longer told from the same text typed as such.
_ESCAPED = re.compile(r"_x[0-9A-Fa-f]{4}_")
_CONDITION_OR_GAP = re.compile(r"\[[^\]]*\]|_.|\*.")
_QUOTED = re.compile(r'\\(.)|"([^"]*)"')
_IN_EXPONENTS = re.compile(r"[0#?]E[+-]", re.IGNORECASE)
_PADDED = re.compile(r"0[0 -]*0")
_MAY_PAD = re.compile(r"00|0[^0-9#.,;]+0")


def sheet_cell(value: object, kind: str, number_format: str) -> Cell:
    """`kind` is the cell's type as openpyxl names it: `n` number, `s` text, `f` formula, `d` date, `b`, `e`."""
    if value is None or value == "":
        return ""
    if kind == "s" and isinstance(value, str):
        return Reason.CONTROL_CHARACTER if _ESCAPED.search(value) else narrowed(value)
    if kind == "n" and isinstance(value, int | float):
        return _number(value, number_format)
    if kind == "d" and isinstance(value, date):
        return value
    return Reason.FORMULA if kind == "f" else Reason.CELL_NOT_TEXT


def _number(value: int | float, number_format: str) -> Cell:  # noqa: PYI041 - an integer of any size is exact
    shown = _QUOTED.sub(r"\1\2", _CONDITION_OR_GAP.sub("", number_format or "General")).split(";")[0]
    if _IN_EXPONENTS.search(shown):
        return Reason.DIGITS_LOST
    # As Excel would: it computes with no more digits, and where the file has more they are noise.
    text = f"{value:.{MAX_DIGITS}g}" if isinstance(value, float) else str(value)
    if "e" in text or len(text.lstrip("-").replace(".", "")) > MAX_DIGITS:
        return Reason.DIGITS_LOST
    if "." in text or value < 0:
        return Decimal(text)
    if _PADDED.fullmatch(shown):
        return _padded(text, shown)
    return Reason.CELL_NOT_TEXT if _MAY_PAD.search(shown.partition(".")[0]) else text


def _padded(digits: str, shape: str) -> str:
    """As the format shows it: `000-000` makes `012-345` of 12345."""
    places = shape.count("0")
    filled = digits.rjust(places, "0")
    front, rest = filled[: len(filled) - places], iter(filled[len(filled) - places :])
    return front + "".join(next(rest) if character == "0" else character for character in shape)


def sheet_row(number: int, cells: Sequence[Cell], values: Sequence[object], layout: Layout) -> Row:
    """A row of a sheet, and the `values` that its cells had; blank ones and comments are ignored, as in a text."""
    bare = [cell.strip(" \t") if type(cell) is str else cell for cell in cells]
    first = next((cell for cell in bare if cell != ""), "")
    ignored = layout.is_head(number) or (type(first) is str and is_remark(first))
    return Row(number, 1, number + 1, _written(values), None if ignored else bare)


def _written(values: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(["" if value is None else str(value) for value in values])
    return out.getvalue()[:MAX_LINE_LENGTH]


def sheet_layout(first: Sequence[Row]) -> Layout:
    """What the first row that is no title says about the others. Raises Unreadable."""
    hidden = False
    for row in first:
        cells = [cell if type(cell) is str else "" for cell in row.cells or ()]
        columns = columns_of(cells)
        if columns is not None:
            return Layout(columns=columns, separator=CELLS, header=row.line)
        hidden = hidden or any(map(hides_names, cells))
        if not is_title([*cells, *("1" for cell in row.cells or () if type(cell) is not str)]):
            break
    if hidden:
        raise Unreadable(FileProblem.UNKNOWN_HEADER)
    return Layout(separator=CELLS)
