"""The committed OpenAPI documents say what the code does, and every refusal in them comes from the error table."""

import json
from typing import Any, get_type_hints

import pytest
from jsonschema import Draft202012Validator, ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from docs.openapi.build import DOCUMENTS, FOLDER, build, refused, rendered
from functions.operator_api.schemas.orders import OrderOut
from functions.storefront_api import handler
from functions.storefront_api import schemas as storefront
from keyrail.ordering.model.orders import Channel, Order, OrderStatus, Unit, unit_id
from keyrail.ordering.model.steps import fail_unit, pay
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.platform.audit import Trace
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.documents import from_json, to_json
from keyrail.platform.errors import Invalid
from keyrail.platform.http import MAX_IDEMPOTENCY_KEY_LENGTH, MIN_IDEMPOTENCY_KEY_LENGTH, Operation, Reply
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

GENERATED = build()
SOMEBODY = Origin("buyer", "192.0.2.7")
OPERATIONS = [
    pytest.param(f"{name}.json", operation, id=f"{operation.method} {operation.path}")
    for name, document in DOCUMENTS.items()
    for operation in document.operations()
]


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_the_committed_document_is_the_generated_one(name: str) -> None:
    assert (FOLDER / name).read_text() == rendered(GENERATED[name]), "run `make openapi` and commit what it writes"


def test_no_document_is_left_over_from_earlier() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(GENERATED)


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_the_document_is_valid_openapi_3_1(name: str) -> None:
    validate(GENERATED[name], cls=OpenAPIV31SpecValidator)


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_an_operation_lists_every_problem_it_can_answer_with(name: str, operation: Operation) -> None:
    described = _described(name, operation)
    for status, errors in refused(operation).items():
        assert {error.code for error in errors} <= _codes(name, described["responses"][str(status)])
    assert "internal_error" in _codes(name, described["responses"]["500"])
    assert "store_unavailable" in _codes(name, described["responses"]["503"])


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_a_path_declares_each_of_its_parameters(name: str, operation: Operation) -> None:
    described = _described(name, operation)
    in_path = [p["name"] for p in described.get("parameters", []) if p["in"] == "path"]
    assert operation.path.format(**dict.fromkeys(in_path, "x")).count("{") == 0


def test_what_may_be_there_already_says_that_it_answers_200_then() -> None:
    operations = [
        each for each in handler.api.operations if get_type_hints(getattr(handler, each.name))["return"] is Reply
    ]
    assert {each.path for each in operations} == {"/v1/orders", "/v1/orders/{order_id}/payments"}
    for operation in operations:
        assert {"200", "201"} <= set(_described("storefront.json", operation)["responses"])


def test_only_the_shelf_checkout_and_codes_are_open_to_anybody() -> None:
    opened = {
        (method, path)
        for name in ("storefront.json", "operator.json")
        for path, operations in GENERATED[name]["paths"].items()
        for method, described in operations.items()
        if not described["security"]
    }
    assert opened == {
        ("get", "/v1/products"),
        ("get", "/v1/products/{product_id}"),
        ("get", "/v1/skus/{sku_id}/labels"),
        ("post", "/v1/orders"),
        ("post", "/v1/redemptions"),
        ("post", "/v1/redemptions/activate"),
        ("post", "/v1/redemptions/verify"),
    }


def test_every_call_of_a_partner_is_signed_in_all_four_headers() -> None:
    document = GENERATED["partner.json"]
    schemes = document["components"]["securitySchemes"]
    assert {scheme["name"] for scheme in schemes.values()} == {
        "Keyrail-Key", "Keyrail-Timestamp", "Keyrail-Nonce", "Keyrail-Signature",
    }  # fmt: skip
    for path, operations in document["paths"].items():
        assert path.startswith("/partner/v1/")
        assert all(described["security"] == [{scheme: [] for scheme in schemes}] for described in operations.values())


def test_whoever_guesses_too_often_is_told_in_the_problem_s_form_and_the_gateway_s() -> None:
    response = GENERATED["storefront.json"]["paths"]["/v1/redemptions"]["post"]["responses"]["429"]
    assert set(response["content"]) == {"application/problem+json", "application/json"}
    assert _codes("storefront.json", response) == {"too_many_attempts"}


def test_operation_ids_are_unique() -> None:
    for document in GENERATED.values():
        ids = [described["operationId"] for path in document["paths"].values() for described in path.values()]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("name", "operation"), [case for case in OPERATIONS if case.values[1].headers])  # type: ignore[union-attr]
def test_a_header_says_how_long_it_must_be_and_an_order_s_that_it_is_a_secret(name: str, operation: Operation) -> None:
    (header,) = (p for p in _described(name, operation)["parameters"] if p["in"] == "header")
    lengths = {"minLength": MIN_IDEMPOTENCY_KEY_LENGTH, "maxLength": MAX_IDEMPOTENCY_KEY_LENGTH}
    assert header["schema"] == {"type": "string", **lengths}
    if operation.path == "/v1/orders":
        assert "as secret as that token" in header["description"]


def test_no_answer_may_hold_null_where_the_wire_leaves_it_out() -> None:
    order = GENERATED["operator.json"]["components"]["schemas"]["KeyOut"]
    assert "null" not in json.dumps(order)
    assert "sold_at" not in order["required"]


def test_what_is_answered_fits_its_schema() -> None:
    order_id = derived_id("ord", "an order")
    attempt = PaymentAttempt(
        attempt_id=attempt_id(order_id, 1), provider="epay", account="main", amount=Money(1990, "CNY")
    )
    unit = Unit(
        unit_id=unit_id(order_id, 1), sku_id="steam-100", quantity=1, amount=attempt.amount, key_ids=("key_01",)
    )
    placed = Order(
        order_id=order_id,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=(unit,),
        total=attempt.amount,
        attempts=(attempt,),
        request_hash=b"",
        token_hash=b"",
        created_at_ms=0,
        expires_at_ms=1,
        **stamp(SOMEBODY, 0),
    )
    owed = fail_unit(pay(placed, attempt.attempt_id, "T-1", SOMEBODY, 1), unit.unit_id, "sold_out", SOMEBODY, 2)
    for order in (placed, owed):
        _fits("storefront.json", "OrderOut", to_json(storefront.OrderOut.of(order, 3)))
        _fits(
            "operator.json",
            "OrderOut",
            to_json(OrderOut.of(order, 3, Trace(records=(), complete=True), with_contact=True)),
        )


def test_a_request_that_fits_its_schema_is_taken_and_one_that_does_not_is_refused() -> None:
    wanted: dict[str, Any] = {"items": [{"sku_id": "steam-100", "quantity": 1}], "payment": {"provider": "epay"}}
    odd = wanted | {"expected_total": {"amount_minor": -1, "currency": "CNY"}}
    typo = wanted | {"expected_totel": None}
    _fits("storefront.json", "OrderIn", json.dumps(wanted).encode())
    from_json(storefront.OrderIn, json.dumps(wanted))
    for refused_too in (odd, typo):
        with pytest.raises(ValidationError):
            _fits("storefront.json", "OrderIn", json.dumps(refused_too).encode())
        with pytest.raises(Invalid):
            from_json(storefront.OrderIn, json.dumps(refused_too))


def _fits(document: str, component: str, raw: bytes) -> None:
    schema = {"$ref": f"#/components/schemas/{component}", "components": GENERATED[document]["components"]}
    Draft202012Validator(schema).validate(json.loads(raw))


def _described(name: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = GENERATED[name]["paths"][operation.path][operation.method.lower()]
    return described


def _codes(name: str, response: dict[str, Any]) -> set[str]:
    if reference := response.get("$ref"):
        response = GENERATED[name]["components"]["responses"][reference.rsplit("/", 1)[1]]
    narrowed = response["content"]["application/problem+json"]["schema"]["allOf"][1]
    return set(narrowed["properties"]["code"]["enum"])
