"""The file of the lines that an import did not take, for whoever has to put them right.

CSV, in UTF-8 with a byte order mark, since it is Excel that opens it. A rejected line stands there as it was; of a
duplicate only its mask, since its code is in stock. What Excel would run gets an apostrophe in front.
"""

import csv
import io
from collections.abc import Iterable

from keyrail.inventory.model.imports import Verdict

MAX_REJECTED_BYTES = 1024 * 1024  # it is answered as a whole, twice quoted, by a function that may answer 6 MB
HEADER = "\ufeffline,reason,mask,text\r\n".encode()
CUT = b",cut,,\r\n"  # there were more, and they are not in the file
_RUNS_IN_EXCEL = ("=", "+", "-", "@", "\t", "\r")


def rendered(verdicts: Iterable[Verdict], room: int) -> tuple[bytes, bool]:
    """Lines of the file for all that were not taken; of at most `room` bytes, and whether it was enough."""
    content = io.BytesIO()
    for verdict in verdicts:
        if verdict.reason is None:
            continue
        line = _line(verdict)
        if content.tell() + len(line) > room:
            return content.getvalue(), False
        content.write(line)
    return content.getvalue(), True


def _line(verdict: Verdict) -> bytes:
    text = "" if verdict.is_duplicate else verdict.row.written
    if text.startswith(_RUNS_IN_EXCEL):
        text = f"'{text}"
    out = io.StringIO()
    csv.writer(out).writerow([verdict.row.line, verdict.reason, verdict.mask or "", text])
    return out.getvalue().encode("utf-8", "replace")
