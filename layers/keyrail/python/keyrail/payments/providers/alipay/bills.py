"""The daily bill: Alipay names an address that lives half a minute, at which lies a zip with CSV files in it.

Source: opendocs.alipay.com/open/028woc (alipay.data.dataservice.bill.downloadurl.query), bill type `trade`.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import StatementLine, StatementMissing
from keyrail.payments.providers.alipay.asking import OK, Gateway
from keyrail.payments.providers.alipay.bill_rows import StatementUnreadable, rows
from keyrail.payments.providers.http_client import MAX_STATEMENT_BYTES, STATEMENT_READ_TIMEOUT_S, request

METHOD = "alipay.data.dataservice.bill.downloadurl.query"
MISSING = frozenset({"BILL_NOT_EXIST", "isp.bill_not_exist"})
HOSTS = (".alipay.com", ".alipaydev.com")
DETAILS, SUMMARY = "业务明细", "汇总"
MAX_FILES = 64
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_LINE_LENGTH = 16 * 1024
# Names and contents are GBK; its superset reads what a newer system writes into product names.
ENCODING = "gb18030"

# What a bill is packed by; of other ways the module would try what raises errors of its own.
_PACKED_BY = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENTRY = b"PK\x01\x02"  # before each entry of a zip's directory
_UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError, OSError)


def statement(gateway: Gateway, day: date) -> Iterator[StatementLine]:
    """Raises StatementMissing, ProviderUnavailable, and while it is read StatementUnreadable."""
    answer = gateway.ask(METHOD, {"bill_type": "trade", "bill_date": day.isoformat()})
    if answer.sub_code in MISSING:
        raise StatementMissing
    address = _address(answer.text("bill_download_url"), gateway.url)
    if not answer.succeeded or address is None:
        raise ProviderUnavailable
    reply = request(
        "GET",
        address,
        headers={},
        read_timeout_s=STATEMENT_READ_TIMEOUT_S,
        max_reply_bytes=MAX_STATEMENT_BYTES,
        repeatable=True,
    )
    if reply.status != OK:
        raise ProviderUnavailable
    return lines_of(reply.body)


def lines_of(packed: bytes) -> Iterator[StatementLine]:
    """The movements in a bill's zip, unpacked while they are read. Raises StatementUnreadable, at once or then."""
    try:
        if packed.count(_ENTRY) > MAX_FILES:
            raise StatementUnreadable
        archive = zipfile.ZipFile(io.BytesIO(packed), metadata_encoding=ENCODING)
        entries = [entry for entry in archive.infolist() if _holds_details(entry.filename)]
    except _UNREADABLE:
        raise StatementUnreadable from None
    # A reader stops at the length that the directory gives, so this bounds what is unpacked.
    if len(entries) != 1 or entries[0].file_size > MAX_UNPACKED_BYTES or entries[0].compress_type not in _PACKED_BY:
        raise StatementUnreadable
    return rows(_lines(archive, entries[0]))


def _holds_details(filename: str) -> bool:
    return filename.endswith(".csv") and DETAILS in filename and SUMMARY not in filename


def _lines(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[str]:
    """A product name that was cut through a character is no reason to lose a day: its bytes are replaced."""
    try:
        with archive.open(entry) as raw:
            text = io.TextIOWrapper(raw, encoding=ENCODING, errors="replace")
            while line := text.readline(MAX_LINE_LENGTH + 1):
                if len(line) > MAX_LINE_LENGTH:
                    raise StatementUnreadable
                yield line
    except _UNREADABLE:
        raise StatementUnreadable from None


def _address(url: str, gateway_url: str) -> str | None:
    """Where the bill is fetched: at Alipay and encrypted, though it names the address as http; else None.

    A gateway on this machine may keep its bills on this machine too.
    """
    try:
        parts, gateway = urlsplit(url), urlsplit(gateway_url)
    except ValueError:
        return None
    if not parts.hostname or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        return None
    if gateway.scheme == "http" and parts.netloc == gateway.netloc:
        return url
    if parts.hostname.endswith(HOSTS):
        return f"https://{parts.hostname}{parts.path}?{parts.query}"
    return None
