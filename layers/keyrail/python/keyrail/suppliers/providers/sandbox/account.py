"""One account with the sandbox supplier.

Every request is `POST <base_url>/<what>` with a JSON object that names the `merchant`, signed as `platform.
signed_messages` says under the name `ask.<what>`; an answer is a JSON object. A callback is `{"merchant", "reference"}`
and nothing more, signed under the name `callback`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Any

from keyrail.platform.addresses import is_base
from keyrail.platform.clock import NowMs, system_now_ms
from keyrail.platform.config import ConfigError, is_setting
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.json_objects import json_object, text
from keyrail.platform.money import Money
from keyrail.platform.signed_messages import signed_header, verify
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Unknown
from keyrail.suppliers.model.statements import SupplierLine, SupplierStatementMissing
from keyrail.suppliers.providers import Acknowledgement, Callback, Offer, Placed, Wanted
from keyrail.suppliers.providers.exchange import ask, had, order
from keyrail.suppliers.providers.reading import count, objects
from keyrail.suppliers.providers.sandbox.answers import money_of, outcome_of
from keyrail.suppliers.providers.sandbox.statements import line_of

ADAPTER = "sandbox"
# Where supplying is only pretended. A stage that is not here is production.
STAGES = frozenset({"local", "dev"})
HEADER = "supplier-signature"
CALLBACK = "callback"
MIN_SECRET_LENGTH = 32
MAX_SECRETS = 16
MAX_CALLBACK_BYTES = 4096
MAX_PAGES = 1_000
MAX_STATEMENT_PAGES = 10_000
MAX_READ_TIMEOUT_S = 20
MAX_SETTLEMENT_S = 7 * 24 * 60 * 60
MAX_SETTLE_S = 24 * 60 * 60
MAX_HANG_S = 20
MAX_OPENING_MINOR = 10**10


def asking(what: str) -> str:
    return f"ask.{what}"


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """`base_url` is where the house is. The first of `secrets` signs, each verifies.

    `stage` is the deployment's own name, never a setting of an account's. What follows `settlement_s` is the house's:
    after how many seconds it has done what it accepted, where it is in no hurry and where it is `slow`; how long it
    lets wait whom it does not answer, 0 for the page of a gateway at once; and what we have with it, in fen, before
    the first order. Raises ConfigError in production, and when a setting is missing, empty, padded or unusable.
    """

    merchant: str
    base_url: str
    secrets: list[str] = field(repr=False)
    stage: str
    read_timeout_s: int = 8
    settlement_s: int = 15 * 60
    settle_after_s: int = 5
    slow_after_s: int = 60
    hang_s: int = 10
    opening_minor: int = 10_000_00
    now_ms: NowMs = field(default=system_now_ms, repr=False)

    acknowledgement = Acknowledgement("success", "text/plain")
    statement_zone = UTC

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ConfigError(f"{ADAPTER}.stage")
        if not is_setting(self.merchant):
            raise ConfigError(f"{ADAPTER}.merchant")
        if not is_base(self.base_url) or self.base_url.endswith("/"):
            raise ConfigError(f"{ADAPTER}.base_url")
        if not _are_secrets(self.secrets):
            raise ConfigError(f"{ADAPTER}.secrets")
        for name, least, most in (
            ("read_timeout_s", 1, MAX_READ_TIMEOUT_S),
            ("settlement_s", 1, MAX_SETTLEMENT_S),
            ("settle_after_s", 0, MAX_SETTLE_S),
            ("slow_after_s", 0, MAX_SETTLE_S),
            ("hang_s", 0, MAX_HANG_S),
            ("opening_minor", 0, MAX_OPENING_MINOR),
        ):
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ConfigError(f"{ADAPTER}.{name}")

    @property
    def settlement_ms(self) -> int:
        return self.settlement_s * 1000

    def place(self, wanted: Wanted) -> Outcome:
        answer = self._order("place", {**_wanted(wanted), "account": dict(wanted.account)})
        return outcome_of(answer, wanted.placed(of_keys=False))

    def buy_keys(self, wanted: Wanted) -> Outcome:
        answer = self._order("buy", _wanted(wanted))
        return outcome_of(answer, wanted.placed(of_keys=True))

    def query(self, placed: Placed) -> Outcome:
        answer = self._ask("query", {"reference": placed.reference})
        return outcome_of(answer, placed)

    def balance(self) -> Money:
        answer = had(self._ask("balance", {}))
        balance = money_of(answer, "balance")
        if balance is None:
            raise SupplierUnavailable
        return balance

    def catalog(self) -> Iterator[Offer]:
        after = None
        for _ in range(MAX_PAGES):
            page = had(self._ask("catalogue", {"after": after}))
            items = objects(page, "items")
            if items is None:
                raise SupplierUnavailable
            yield from map(_offer, items)
            after = text(page, "next")
            if not after:
                return
        raise SupplierUnavailable

    def statement(self, day: date) -> Iterator[SupplierLine]:
        """Raises SupplierStatementMissing at once, SupplierUnavailable and SupplierStatementUnreadable at any time."""
        page = self._statement_page(day, None)
        if page.get("missing") is True:
            raise SupplierStatementMissing
        return self._lines(day, page)

    def _lines(self, day: date, page: Mapping[str, Any]) -> Iterator[SupplierLine]:
        before = 0
        for _ in range(MAX_STATEMENT_PAGES):
            lines = objects(page, "lines")
            if lines is None:
                raise SupplierUnavailable
            for number, said in enumerate(lines, start=before + 1):
                yield line_of(number, said)
            before += len(lines)
            after = text(page, "next")
            if not after:
                return
            page = self._statement_page(day, after)
        raise SupplierUnavailable

    def _statement_page(self, day: date, after: str | None) -> dict[str, Any]:
        return had(self._ask("statement", {"day": day.isoformat(), "after": after}))

    def parse_callback(self, callback: Callback, now_ms: int) -> str:
        if callback.method != "POST" or callback.raw_query or len(callback.raw_body) > MAX_CALLBACK_BYTES:
            raise SignatureInvalid
        verify(callback.headers.get(HEADER, ""), self.secrets, CALLBACK, callback.raw_body, now_ms)
        try:
            said = json_object(callback.raw_body)
        except ValueError:
            raise SignatureInvalid from None
        reference = text(said, "reference")
        if said.keys() != {"merchant", "reference"} or said["merchant"] != self.merchant or not reference:
            raise SignatureInvalid
        return reference

    def _order(self, what: str, members: Mapping[str, object]) -> dict[str, Any] | DefiniteFailure | Unknown:
        body = self._body(members)
        headers = self._signed(what, body)
        return order("POST", f"{self.base_url}/{what}", body=body, headers=headers, read_timeout_s=self.read_timeout_s)

    def _ask(self, what: str, members: Mapping[str, object]) -> dict[str, Any] | Unknown:
        body = self._body(members)
        headers = self._signed(what, body)
        return ask("POST", f"{self.base_url}/{what}", body=body, headers=headers, read_timeout_s=self.read_timeout_s)

    def _body(self, members: Mapping[str, object]) -> bytes:
        return json.dumps({"merchant": self.merchant, **members}).encode()

    def _signed(self, what: str, body: bytes) -> dict[str, str]:
        signed = signed_header(self.secrets[0], asking(what), self.now_ms() // 1000, body)
        return {"content-type": "application/json", HEADER: signed}


def _wanted(wanted: Wanted) -> dict[str, object]:
    return {
        "reference": wanted.reference,
        "item": wanted.item,
        "quantity": wanted.quantity,
        "limit": wanted.limit.decimal(),
        "currency": wanted.limit.currency,
        "callback_url": wanted.callback_url,
    }


def _offer(said: Mapping[str, Any]) -> Offer:
    """Raises SupplierUnavailable."""
    price = money_of(said, "price")
    if not text(said, "item") or price is None or not isinstance(said.get("on_sale"), bool):
        raise SupplierUnavailable
    return Offer(
        item=text(said, "item"),
        name=text(said, "name"),
        price=price,
        on_sale=said["on_sale"],
        stock=count(said, "stock"),
    )


def _are_secrets(secrets: object) -> bool:
    if not isinstance(secrets, list) or not 0 < len(secrets) <= MAX_SECRETS:
        return False
    return all(is_setting(secret) and len(secret) >= MIN_SECRET_LENGTH for secret in secrets)
