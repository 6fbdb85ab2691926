"""What holds a secret in the clear for a moment does not print it: a repr ends in logs and stack traces (I8)."""

from dataclasses import fields

import pytest

from functions.delivery_api import schemas as delivery
from functions.operator_api.schemas.after_sales import FindInOrderIn
from functions.operator_api.schemas.batches import UploadOut
from functions.operator_api.schemas.exports import ExportOut, LinkOut
from functions.operator_api.schemas.keys import FindKeyIn
from functions.redemption_api.schemas import ActivateIn, RedeemIn, ReverseIn, VerifyIn
from functions.storefront_api import schemas as storefront
from keyrail.channels.model import Credential, Signed
from keyrail.inventory.model.imports import Verdict
from keyrail.inventory.model.key_file import EncodingSurvey, FileKey, Line, Row
from keyrail.inventory.service.importing.reading import LookedThrough
from keyrail.inventory.service.intake import NewKey
from keyrail.ordering.model.orders import OrderStatus
from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers import Callback, PaymentAction
from keyrail.platform.audit_verification import AuditVerification
from keyrail.platform.documents import from_json, view
from keyrail.platform.handover import Link
from keyrail.platform.http import Call, Problem
from keyrail.platform.money import Money
from keyrail.redemption.model import Presented
from keyrail.vault.model import Secret

SECRET = "XK4P-9QWE-77TT"


def call(**parts: object) -> Call:
    plain: dict[str, object] = {
        "path": {}, "headers": {}, "claims": {}, "address": "192.0.2.7", "raw_body": b"", "raw_query": "",
        "method": "POST",
    }  # fmt: skip
    return Call(**{**plain, **parts})  # type: ignore[arg-type]  # named by the test


def revealed(code: str = "", password: str | None = None) -> delivery.RevealOut:
    key = delivery.KeyOut(key_id="key_01", code=code, password=password, expires_at=None, withheld=None)
    return delivery.RevealOut(units=(delivery.UnitOut(unit_id="unt_1", sku_id="a", keys=(key,)),))


def placed() -> storefront.PlacedOut:
    payment = storefront.PaymentOut(
        attempt_id="pay_1", provider="epay", action=view(storefront.ActionOut, PaymentAction(type="none"))
    )
    return storefront.PlacedOut(
        order_id="ord_1",
        access_token=SECRET,
        status=OrderStatus.PENDING_PAYMENT,
        total=Money(1, "CNY"),
        expires_at="",
        payment=payment,
    )


def exported() -> ExportOut:
    nothing = dict.fromkeys(field.name for field in fields(ExportOut))
    return ExportOut(**nothing)  # type: ignore[arg-type]  # nobody looks into it here


def problem() -> Problem:
    texts = dict.fromkeys(field.name for field in fields(Problem) if field.name not in {"errors", "facts"})
    return Problem(**texts, facts={"access_token": SECRET})  # type: ignore[arg-type]  # nobody looks into the others


HOLDERS = {
    "headers of a call": call(headers={"authorization": f"Bearer {SECRET}", "idempotency-key": SECRET}),
    "raw body of a call": call(raw_body=SECRET.encode()),
    "raw query of a call": call(raw_query=f"sign={SECRET}"),
    "claims of a call": call(claims={"username": SECRET}),
    "body of a call": call(body={"code": SECRET}),
    "query of a call": call(query={"cursor": SECRET}),
    "query of a callback": Callback("GET", f"sign={SECRET}", b"", {}),
    "body of a callback": Callback("POST", "", SECRET.encode(), {}),
    "headers of a callback": Callback("POST", "", b"", {"stripe-signature": SECRET}),
    "code shown to a buyer": revealed(code=SECRET),
    "password shown to a buyer": revealed(password=SECRET),
    "code that an operator looks for": FindKeyIn(sku_id="a", code=SECRET),
    "code pasted for its end": FindInOrderIn(mask=SECRET),
    "code that is redeemed": from_json(RedeemIn, f'{{"code": "{SECRET}", "redemption_id": "till-7-000418"}}'),
    "code that is looked at": VerifyIn(code=SECRET),
    "code that is made active": ActivateIn(code=SECRET),
    "code that is taken back": ReverseIn(code=SECRET, redemption_id="till-7-000418"),
    "code that somebody presents": Presented(code=SECRET),
    "body of a signed request": Signed("POST", "/", "", {}, SECRET.encode()),
    "signature of a request": Signed("POST", "/", "", {"keyrail-signature": SECRET}, b""),
    "query of a signed request": Signed("POST", "/", SECRET, {}, b""),
    "secret of a partner": Credential("kc_till7", "coffee-house", (SECRET,)),
    "caller of a call": call(caller=SECRET),
    "code as it came in": from_json(FindKeyIn, f'{{"sku_id": "a", "code": "{SECRET}"}}'),
    "address of an upload": UploadOut(method="PUT", url=f"https://s3.example/?sig={SECRET}", expires_at=""),
    "address of an export": LinkOut(export=exported(), url=f"https://s3.example/?sig={SECRET}", expires_at=""),
    "address of a file": Link(f"https://s3.example/?sig={SECRET}", 0),
    "code of our own on its way in": NewKey(secret=Secret(SECRET), line=1),
    "token of an order": placed(),
    "token of an order that could not be opened": problem(),
    "what refuses to open it": ProviderUnavailable(facts={"access_token": SECRET}),
    "secret of the audit trail": AuditVerification(None, "audit", SECRET, (), lambda: 0),  # type: ignore[arg-type]
    "beginning of an uploaded file": LookedThrough("digest", SECRET.encode(), EncodingSurvey()),
    "line of an uploaded file": Line(1, 14, SECRET, SECRET),
    "row of an uploaded file": Verdict(Row(1, 1, 14, SECRET, [SECRET]), FileKey(1, Secret(SECRET, SECRET))),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_what_holds_a_secret_does_not_print_it(holder: object) -> None:
    assert SECRET not in repr(holder)
    assert SECRET not in f"{holder}"
