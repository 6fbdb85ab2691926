"""What the house does: supply a reference once, tell the shop as its play says, and answer a merchant's questions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from functions.supplier_sandbox import catalogue
from functions.supplier_sandbox.sales import (
    MAX_QUANTITY,
    Ordered,
    Sale,
    placed_again,
    sale_id,
    sold,
    standing,
    told,
)
from functions.supplier_sandbox.scenarios import Call, Scenario, Status, scenario_of
from functions.supplier_sandbox.store import SaleStore
from keyrail.platform import logs
from keyrail.platform.clock import NowMs, rfc3339, utc_date
from keyrail.platform.config import ConfigError
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.http_client import NoReply, request
from keyrail.platform.ids import derived_id
from keyrail.platform.json_objects import Document, child, is_text, json_object, text
from keyrail.platform.logs import Entry
from keyrail.platform.money import Money, parse_decimal
from keyrail.platform.signed_messages import signed_header
from keyrail.platform.slices import send_rest
from keyrail.platform.telling import MAX_WAIT_S
from keyrail.suppliers.providers.sandbox import Sandbox
from keyrail.suppliers.providers.sandbox.account import CALLBACK, HEADER
from keyrail.suppliers.service.accounts import SupplierAccounts

TELL_TIMEOUT_S = 4
FIRST_LOOK_S = 30  # for a callback that goes out before the answer, and may not be heard
MAX_TRIES = 12
MAX_TEXT_LENGTH = 64
MAX_ACCOUNT_FIELDS = 10
OK = 200
_OF_NOBODY = "a-secret-that-no-merchant-of-the-house-has"


@dataclass(frozen=True)
class House:
    """`accounts` are those of the sandbox alone; `api_url` is our own API, the only one that is called."""

    store: SaleStore
    accounts: SupplierAccounts
    api_url: str
    queue_url: str
    now_ms: NowMs

    def account(self, merchant: object) -> tuple[str, Sandbox]:
        """With the name by which the shop knows the house. Raises SignatureInvalid: who is nobody cannot sign."""
        for name in self.accounts.known():
            account = self.accounts.at(name)
            if isinstance(account, Sandbox) and account.merchant == merchant:
                return name, account
        raise SignatureInvalid

    # orders

    def order(self, merchant: str, asked: Document, *, of_keys: bool) -> Sale | dict[str, Any]:
        """The sale as it stands then, or a refusal of what could be no sale.

        The look from the queue is asked for before the sale is written, so that no callback is ever left out.
        Raises Invalid, Unavailable.
        """
        name, account = self.account(merchant)
        ordered = _ordered(asked, of_keys=of_keys)
        if text(asked, "callback_url") != self._callback_url(name):
            raise Invalid(FieldError("callback_url", "not_ours"))
        price = catalogue.price_of(ordered.item, of_keys=of_keys)
        if price is None:
            return _refusal(ordered.reference, "no_such_item")
        known = self.store.find(sale_id(merchant, ordered.reference))
        if known is None:
            sale = sold(account, ordered, _scenario(ordered, price), price.times(ordered.quantity), self.now_ms())
            self._look_later(sale)
            known = self.store.add(sale)
            if known is None:
                logs.log(Entry.SUPPLIER_SANDBOX_SOLD, reference=sale.reference, scenario=sale.scenario)
                return self.tell(sale) if sale.play.calls_first else sale
        if known.digest != ordered.digest:
            return _refusal(ordered.reference, "reference_used")
        return self._counted(known)

    def _counted(self, sale: Sale) -> Sale:
        for number in range(MAX_TRIES):
            counted = placed_again(sale)
            if self.store.replace(sale, counted):
                return counted
            let_others_go(number)
            sale = self.store.find(sale.sale_id) or sale
        raise StoreUnavailable

    def _look_later(self, sale: Sale) -> None:
        if sale.calls_left():
            wait_s = FIRST_LOOK_S if sale.play.calls_first else (sale.ends_at_ms - sale.placed_at_ms) // 1000
            send_rest(self.queue_url, {"sale_id": sale.sale_id}, delay_s=min(wait_s, MAX_WAIT_S))

    # callbacks

    def tell(self, sale: Sale) -> Sale:
        """Send the callbacks that are due, until a good one is not acknowledged."""
        name, account = self.account(sale.merchant)
        for number, call in enumerate(sale.calls_left(), start=sale.told + 1):
            if self.now_ms() < sale.ends_at_ms:
                return sale
            if not self._heard(name, account, sale, call):
                logs.warn(Entry.SUPPLIER_SANDBOX_UNHEARD, reference=sale.reference)
                return sale
            sale = self._told(sale, number)
        return sale

    def _told(self, sale: Sale, calls: int) -> Sale:
        for number in range(MAX_TRIES):
            changed = told(sale, calls)
            if changed is sale or self.store.replace(sale, changed):
                return changed
            let_others_go(number)
            sale = self.store.find(sale.sale_id) or sale
        raise StoreUnavailable

    def _heard(self, name: str, account: Sandbox, sale: Sale, call: Call) -> bool:
        """Whether that callback is over: a good one where it was acknowledged, a bad one in any case."""
        reference = _of_nobody(sale) if call is Call.MISDIRECTED else sale.reference
        body = json.dumps({"merchant": sale.merchant, "reference": reference}).encode()
        secret = _OF_NOBODY if call is Call.FORGED else account.secrets[0]
        signed = signed_header(secret, CALLBACK, self.now_ms() // 1000, body)
        try:
            reply = request(
                "POST",
                self._callback_url(name),
                body=body,
                headers={"content-type": "application/json", HEADER: signed},
                read_timeout_s=TELL_TIMEOUT_S,
                repeatable=True,
            )
        except NoReply:
            return call is not Call.GOOD
        acknowledged = reply.status == OK and reply.body == account.acknowledgement.body.encode()
        return acknowledged or call is not Call.GOOD

    def _callback_url(self, name: str) -> str:
        """Made of what we know, whatever an order says: so nobody has us call another address."""
        return f"{self.api_url}/webhooks/suppliers/{name}"

    # the questions of a merchant

    def query(self, merchant: str, asked: Document) -> dict[str, Any]:
        sale = self._find(merchant, asked)
        unknown = {"reference": text(asked, "reference"), "status": Status.NO_SUCH_ORDER}
        return standing(sale, self.now_ms()) if sale else unknown

    def tally(self, merchant: str, asked: Document) -> dict[str, Any]:
        """What no supplier tells: how often a reference was placed, and how many pieces were supplied for it."""
        sale = self._find(merchant, asked)
        placed, supplied = (sale.placed, sale.supplied(self.now_ms())) if sale else (0, 0)
        return {"reference": text(asked, "reference"), "placed": placed, "supplied": supplied}

    def balance(self, merchant: str, _asked: Document) -> dict[str, Any]:
        """What was put in, less what was taken and did not come back. It looks through all sales."""
        _, account = self.account(merchant)
        spent_minor = sum(
            sale.taken(self.now_ms()).amount_minor - sale.returned(self.now_ms()).amount_minor
            for sale in self.store.all()
            if sale.merchant == merchant
        )
        balance = Money(max(0, account.opening_minor - spent_minor), catalogue.CURRENCY)
        return {"balance": balance.decimal(), "currency": balance.currency}

    def catalogue(self, _merchant: str, asked: Document) -> dict[str, Any]:
        return catalogue.page(text(asked, "after"))

    def statement(self, merchant: str, asked: Document) -> dict[str, Any]:
        """A page of the movements of a day in UTC, today as far as it has come."""
        try:
            day = date.fromisoformat(text(asked, "day")).isoformat()
        except ValueError:
            raise Invalid(FieldError("day", "no_date")) from None
        now_ms = self.now_ms()
        if day > utc_date(now_ms):
            return {"missing": True}
        sales, last = self.store.page(text(asked, "after") or None)
        lines = [line for sale in sales if sale.merchant == merchant for line in _lines(sale, now_ms)]
        return {"lines": [line for line in lines if line["at"].startswith(day)], "next": last}

    def _find(self, merchant: str, asked: Document) -> Sale | None:
        """Raises Invalid."""
        return self.store.find(sale_id(merchant, _short(asked, "reference")))


def sandbox_part(secret: str) -> str:
    """Of other suppliers' accounts nothing is kept. Raises ConfigError."""
    try:
        named = json_object(secret.encode()).items()
        ours = {name: settings for name, settings in named if settings["adapter"] == "sandbox"}
    except (ValueError, KeyError, TypeError):
        raise ConfigError("SUPPLIER_ACCOUNTS") from None
    return json.dumps(ours)


def _ordered(asked: Document, *, of_keys: bool) -> Ordered:
    """Raises Invalid."""
    quantity, account = asked.get("quantity"), child(asked, "account")
    if type(quantity) is not int or not 1 <= quantity <= MAX_QUANTITY:
        raise Invalid(FieldError("quantity", "no_quantity"))
    texts = all(is_text(value) and len(value) <= MAX_TEXT_LENGTH for value in account.values())
    if bool(account) is of_keys or len(account) > MAX_ACCOUNT_FIELDS or not texts:
        raise Invalid(FieldError("account", "no_account"))
    try:
        limit = parse_decimal(text(asked, "limit"), text(asked, "currency"))
    except ValueError:
        raise Invalid(FieldError("limit", "no_amount")) from None
    return Ordered(
        reference=_short(asked, "reference"),
        item=_short(asked, "item"),
        quantity=quantity,
        limit=limit,
        account=account,
        of_keys=of_keys,
    )


def _scenario(ordered: Ordered, price: Money) -> Scenario:
    """What may cost less than it does is refused, magic or not."""
    cost = price.times(ordered.quantity)
    too_dear = ordered.limit.currency != cost.currency or ordered.limit.amount_minor < cost.amount_minor
    return Scenario.PRICE_CHANGED if too_dear else scenario_of(ordered.item, list(ordered.account.values()))


def _short(asked: Document, name: str) -> str:
    """Raises Invalid."""
    value = text(asked, name)
    if not 0 < len(value) <= MAX_TEXT_LENGTH:
        raise Invalid(FieldError(name, "no_name"))
    return value


def _refusal(reference: str, reason: str) -> dict[str, Any]:
    return {"reference": reference, "status": Status.REFUSED, "reason": reason}


def _of_nobody(sale: Sale) -> str:
    """A reference as the shop makes them, of an order that it never had."""
    return f"{derived_id('unt', sale.sale_id, 'of nobody').removeprefix('unt_')}0101"


def _lines(sale: Sale, now_ms: int) -> Iterator[dict[str, Any]]:
    named = {"number": sale.number, "reference": sale.reference, "item": sale.item, "quantity": sale.quantity}
    for kind, amount, at_ms in (
        ("order", sale.taken(now_ms), sale.placed_at_ms),
        ("return", sale.returned(now_ms), sale.ends_at_ms),
    ):
        if amount.amount_minor:
            money = {"amount": amount.decimal(), "currency": amount.currency}
            yield {**named, "kind": kind, **money, "status": sale.status(now_ms), "at": rfc3339(at_ms)}
