"""The examples of the OpenAPI documents are bodies that the code takes."""

import json

import pytest
from jsonschema import Draft202012Validator

from docs.openapi.build import DOCUMENTS, build
from docs.openapi.examples import EXAMPLES, ORDERS, SHELF, SUPPLY, WORK, Example
from functions.operator_api.schemas.catalog import SkuIn
from functions.storefront_api.schemas import OrderIn
from keyrail.catalog.account_fields import AccountField, masked_account, read_account
from keyrail.ordering.model.orders import check_lines
from keyrail.payments.service.accounts import PROVIDERS
from keyrail.platform.documents import from_json
from keyrail.platform.http import Operation
from keyrail.platform.patterns import matches

GENERATED = build()
OPERATIONS: dict[str, tuple[str, Operation]] = {
    f"{operation.method} {operation.path}": (f"{name}.json", operation)
    for name, document in DOCUMENTS.items()
    for operation in document.operations()
}


def name_of(example: Example) -> str:
    return f"{example.operation} {example.name}"


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_is_a_body_of_its_operation_and_stands_in_its_document(example: Example) -> None:
    name, operation = OPERATIONS[example.operation]
    assert operation.body is not None
    from_json(operation.body, json.dumps(example.body))
    described = GENERATED[name]["paths"][operation.path][operation.method.lower()]
    content = described["requestBody"]["content"]["application/json"]
    assert content["examples"][example.name] == {"summary": example.summary, "value": example.body}
    document = {**content["schema"], "components": GENERATED[name]["components"]}
    Draft202012Validator(document).validate(example.body)


def test_no_two_examples_of_an_operation_share_a_name() -> None:
    assert len({name_of(example) for example in EXAMPLES}) == len(EXAMPLES)


def test_whatever_sets_up_supply_and_what_people_do_about_units_has_an_example() -> None:
    shown = {example.operation for example in (*SHELF, *SUPPLY, *WORK)}
    wanted = {
        each
        for each, (_, operation) in OPERATIONS.items()
        if operation.body is not None
        and ("/units/" in each or each.startswith(("PUT /ops/v1/s", "POST /ops/v1/suppliers", "PUT /ops/v1/p")))
    }
    assert wanted <= shown


@pytest.mark.parametrize("example", ORDERS, ids=name_of)
def test_an_order_names_the_account_that_its_sku_s_example_asks_for(example: Example) -> None:
    order = from_json(OrderIn, json.dumps(example.body))
    assert order.payment.provider in PROVIDERS
    lines = [line.line() for line in order.items]
    check_lines(lines)
    for line in lines:
        (body,) = (each.body for each in SHELF if each.named.get("sku_id") == line.sku_id)
        sku = from_json(SkuIn, json.dumps(body))
        fields: list[AccountField] = [each.field() for each in sku.account_fields or ()]
        assert line.quantity <= sku.max_quantity
        account = read_account(fields, line.recharge_account or {}, matches=matches)
        assert set(account) == {each.name for each in fields}
        assert masked_account(fields, account).keys() == account.keys()
        if order.expected_total is not None:
            assert order.expected_total == sku.price.times(line.quantity)
