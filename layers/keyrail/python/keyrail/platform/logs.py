"""The log catalogue: every line keyrail writes is one of these entries with fields; no prose, bodies or secrets."""

import os
import re
import traceback
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from keyrail.platform.config import ConfigError

_AWS_CODE = re.compile(r"[A-Za-z0-9.]{1,64}")


class Entry(Enum):
    """Code and message. The code is what an operator searches for; it is never reused."""

    UNEXPECTED_ERROR = ("K0001", "unexpected error")
    REQUEST_REFUSED = ("K0002", "request refused")
    NEIGHBOUR_UNAVAILABLE = ("K0003", "neighbour unavailable")
    ORDER_PLACED = ("K1001", "order placed")
    ORDER_CANCELLED = ("K1002", "order cancelled")
    PAYMENT_SETTLED = ("K2001", "payment settled")
    PAYMENT_UNMATCHED = ("K2002", "payment unmatched")
    PAYMENT_DECIDED = ("K2005", "payment on the desk decided about")
    CALLBACK_REFUSED = ("K2003", "callback refused")
    CALLBACK_IGNORED = ("K2004", "callback of no concern")
    SECRET_UNREADABLE = ("K0010", "a changed secret is unusable or cannot be read; what was read before it counts")
    PROVIDER_ASKED = ("K2010", "provider asked about an attempt")
    PAYMENT_FOUND = ("K2011", "payment found by asking")
    UNPAID_LOOKED_THROUGH = ("K2012", "unpaid orders looked through")
    SANDBOX_DECIDED = ("K2090", "a payment at the sandbox was decided")
    SANDBOX_UNHEARD = ("K2091", "a callback of the sandbox was not acknowledged")
    SUPPLIER_SANDBOX_SOLD = ("K7090", "an order at the supplier sandbox was taken")
    SUPPLIER_SANDBOX_UNHEARD = ("K7091", "a callback of the supplier sandbox was not acknowledged")
    DAYS_REQUESTED = ("K2020", "reconciliation of the day before asked for")
    DAY_RECONCILED = ("K2021", "day reconciled, or given up")
    ORDER_UNHEARD = ("K2022", "a supplier did not say what became of an order of a day that is compared")
    UNITS_ISSUED = ("K3001", "units issued")
    SUPPLIER_SYNCED = ("K3020", "a supplier's catalogue looked at")
    PRICES_GUARDED = ("K3021", "a SKU's sources or price moved with its suppliers' prices")
    PURCHASE_MADE = ("K3022", "keys asked for, or asked about")
    PURCHASE_HELD_BACK = ("K3023", "stock is low, and its rule cannot buy")
    SUPPLIER_DOES_POORLY = ("K3024", "a supplier refuses much, takes much in vain, or is slow")
    REFUND_DUE = ("K3002", "refund due")
    REFUND_HEARD = ("K3005", "refund heard of")
    DISPUTE_HEARD = ("K3006", "dispute heard of")
    SUPPLIER_ASKED = ("K3010", "supplier asked for a unit")
    SUPPLIER_HEARD = ("K3011", "supplier said what became of a unit")
    UNIT_LEFT = ("K3012", "unit left to a person")
    UNIT_WAITS = ("K3016", "unit waits for a source to come back")
    UNITS_SWEPT = ("K3013", "units looked through for forgotten ones")
    NEWS_TOLD = ("K3014", "supplier has news of a unit")
    NEWS_UNMATCHED = ("K3015", "supplier has news for which nobody waits")
    KEYS_REVEALED = ("K3003", "keys revealed")
    KEY_REPLACED = ("K3004", "key replaced")
    WORK_CLAIMED = ("K3030", "somebody has claimed a unit, and was shown its account")
    WORK_SAID = ("K3031", "somebody has said how their work on a unit ended")
    WORK_COUNTED = ("K3032", "people's work counted that is past due")
    IMPORT_FINISHED = ("K4001", "import finished")
    IMPORT_REJECTED = ("K4002", "import rejected")
    CODES_GENERATED = ("K4010", "codes generated")
    EXPORT_MADE = ("K4011", "export made")
    EXPORT_REFUSED = ("K4012", "export refused")
    BATCH_COMMANDED = ("K4020", "batch commanded")
    BATCH_FOLLOWED = ("K4021", "keys follow their batch")
    EVENTS_RELAYED = ("K5001", "events relayed")
    RECORD_SET_ASIDE = ("K5002", "poison record set aside")
    FIGURES_UNREADABLE = ("K5003", "figures unreadable, changes not counted")
    SHELVES_WATCHED = ("K5004", "stock looked through for what ran low by time")
    ENTRY_DIFFERS = ("K5005", "a journal entry stands with other postings, and stays")
    BALANCES_LOOKED_AT = ("K7020", "balances with suppliers looked at")
    BALANCE_UNKNOWN = ("K7021", "a supplier did not say what we have with it")
    CODE_REDEEMED = ("K6002", "code redeemed")
    REDEMPTION_REVERSED = ("K6003", "redemption reversed")
    GUESSING_SUSPECTED = ("K6001", "guessing suspected")


@cache
def logger() -> Logger:
    return Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "keyrail"))


def log(entry: Entry, **fields: Any) -> None:
    code, message = entry.value
    logger().info(message, extra={"code": code, **fields})


def warn(entry: Entry, **fields: Any) -> None:
    code, message = entry.value
    logger().warning(message, extra={"code": code, **fields})


def log_failure(error: BaseException, **fields: Any) -> None:
    """Where it happened and the types of the causes, not their messages: a message may quote a secret.

    Of a setting that is wrong the name is said, which is all that a ConfigError says.
    """
    code, message = Entry.UNEXPECTED_ERROR.value
    frames = [f"{f.filename.rpartition('/')[2]}:{f.lineno}:{f.name}" for f in traceback.extract_tb(error.__traceback__)]
    for cause in _chain(error):
        if isinstance(cause, ConfigError):
            fields["setting"] = str(cause)
    logger().error(message, extra={"code": code, "error": causes_of(error), "frames": frames[-12:], **fields})


def causes_of(error: BaseException) -> list[str]:
    """The types of it and of what is behind it, and what AWS calls what it refused: a word of a list of its own."""
    return [type(cause).__name__ + _refused(cause) for cause in _chain(error)]


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _refused(cause: BaseException) -> str:
    response = getattr(cause, "response", None)  # of botocore's ClientError
    code = (response.get("Error") or {}).get("Code") if isinstance(response, dict) else None
    return f":{code}" if isinstance(code, str) and _AWS_CODE.fullmatch(code) else ""
