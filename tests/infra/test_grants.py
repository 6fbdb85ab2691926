"""Least privilege: what each function may do is written down here a second time, and must be the same."""

from __future__ import annotations

import re

import pytest

from tests.infra.template import Resource, Template, as_list, target_of

_LOGICAL_NAMES = {
    "TablesCatalog": "catalog",
    "TablesKeys": "keys",
    "TablesOrders": "orders",
    "TablesPayments": "payments",
    "TablesReconciliation": "reconciliation",
    "TablesSuppliers": "suppliers",
    "TablesAccounts": "accounts",
    "TablesGuards": "guards",
    "TablesAudit": "audit",
    "TablesSandbox": "sandbox",
    "TablesHouse": "house",
    "SecretsAccessToken": "access_token",
    "SecretsAuditChain": "audit_chain",
    "SecretsPaymentAccounts": "payment_accounts",
    "SecretsPartnerCredentials": "partner_credentials",
    "SecretsSupplierAccounts": "supplier_accounts",
    "ImportsBucket": "imports",
    "KeysVault": "vault",
    "KeysFingerprint": "fingerprint",
    "EventsBus": "bus",
    "IssuanceQueue": "issuance",
    "UploadsQueue": "uploads",
    "CodesQueue": "codes",
    "ExportsQueue": "exports",
    "BatchesQueue": "batches",
    "JobsQueue": "jobs",
    "RefundQueue": "refunds",
    "InquiriesQueue": "inquiries",
    "SandboxQueue": "sandbox_queue",
    "SupplierSandboxQueue": "supplier_sandbox_queue",
    "ReconciliationsQueue": "reconciliations",
    "SupplyWorkQueue": "supply",
    "RelayDeadLetters": "relay_dead_letters",
}
_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
_WALKED = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Scan"}
"""By whoever verifies the audit trail: its records, beside the items that they are about."""
_PLATFORM = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}

EXPECTED = {
    "storefront_api": {
        "catalog": {"dynamodb:GetItem"},
        "catalog/index/by_listing": {"dynamodb:Query"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "orders": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "suppliers": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
        "access_token": {"secretsmanager:GetSecretValue"},
        "payment_accounts": {"secretsmanager:GetSecretValue"},
    },
    "delivery_api": {
        "orders": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "vault": {"kms:Decrypt"},
    },
    "operator_api": {
        "catalog": _WALKED | {"dynamodb:PutItem"},
        "keys": _WALKED | {"dynamodb:PutItem", "dynamodb:UpdateItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "keys/index/by_batch": {"dynamodb:Query"},
        "orders": _WALKED | {"dynamodb:PutItem"},
        "orders/index/by_status": {"dynamodb:Query"},
        "orders/index/by_paid_reference": {"dynamodb:Query"},
        "orders/index/by_email": {"dynamodb:Query"},
        "orders/index/by_phone": {"dynamodb:Query"},
        "orders/index/by_approval": {"dynamodb:Query"},
        "orders/index/by_work": {"dynamodb:Query"},
        "guards": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
        "payments": _WALKED | {"dynamodb:PutItem"},
        "payments/index/by_desk": {"dynamodb:Query"},
        "accounts": {
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "reconciliation": _WALKED | {"dynamodb:PutItem", "dynamodb:Query"},
        "reconciliation/index/by_month": {"dynamodb:Query"},
        "suppliers": _WALKED | {"dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"},
        "accounts/index/by_holder": {"dynamodb:Query"},
        "audit": _WALKED | {"dynamodb:Query"},
        "audit_chain": {"secretsmanager:GetSecretValue"},
        "imports/imports/*": {"s3:PutObject"},
        "imports/exports/*": {"s3:GetObject"},
        "imports/rejected/*": {"s3:GetObject", "s3:DeleteObject"},
        "fingerprint": {"kms:Decrypt"},
    },
    "payment_webhook": {
        "catalog": {"dynamodb:GetItem"},
        "orders": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"},
        "orders/index/by_paid_reference": {"dynamodb:Query"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "payments": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "payment_accounts": {"secretsmanager:GetSecretValue"},
    },
    "supplier_webhook": {
        "orders": {"dynamodb:GetItem"},
        "guards": {"dynamodb:UpdateItem"},
        "suppliers": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "supply": {"sqs:SendMessage"},
        "supplier_accounts": {"secretsmanager:GetSecretValue"},
        "direct_recharge": {"states:SendTaskSuccess", "states:StartExecution"},
    },
    "payment_inquiries": {
        "orders": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"},
        "orders/index/by_status": {"dynamodb:Query"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "payments": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "guards": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "payment_accounts": {"secretsmanager:GetSecretValue"},
        "inquiries": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
    },
    "redemption_api": {
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        "guards": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        "catalog": {"dynamodb:GetItem"},
        "fingerprint": {"kms:Decrypt"},
        "partner_credentials": {"secretsmanager:GetSecretValue"},
    },
    "key_import": {
        "catalog": {"dynamodb:GetItem"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "imports": {"s3:ListBucket"},
        "imports/imports/*": {"s3:GetObject", "s3:DeleteObject"},
        "imports/rejected/*": {"s3:PutObject", "s3:GetObject", "s3:DeleteObject"},
        "vault": {"kms:GenerateDataKey"},
        "fingerprint": {"kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"},
        "uploads": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
    },
    "code_generation": {
        "catalog": {"dynamodb:GetItem"},
        "keys": {"dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "vault": {"kms:GenerateDataKey"},
        "fingerprint": {"kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"},
        "codes": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
    },
    "supply": {
        "suppliers": {
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "catalog": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "supplier_accounts": {"secretsmanager:GetSecretValue"},
        "vault": {"kms:GenerateDataKey"},
        "fingerprint": {"kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"},
        "supply": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
    },
    "key_export": {
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"},
        "keys/index/by_batch": {"dynamodb:Query"},
        "vault": {"kms:Decrypt"},
        "imports/exports/*": {"s3:PutObject"},
        "exports": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
    },
    "batch_follow": {
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "keys/index/by_batch": {"dynamodb:Query"},
        "batches": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
    },
    "scheduled_jobs": {
        "orders/index/by_work": {"dynamodb:Query"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"},
        "keys/index/by_batch": {"dynamodb:Query"},
        "suppliers": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "supplier_accounts": {"secretsmanager:GetSecretValue"},
        "orders": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"},
        "orders/index/by_status": {"dynamodb:Query"},
        "guards": {"dynamodb:GetItem"},
        "direct_recharge": {"states:StartExecution"},
        "jobs": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
    },
    "direct_recharge": {
        "orders": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        "catalog": {"dynamodb:GetItem"},
        "vault": {"kms:GenerateDataKey"},
        "fingerprint": {"kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"},
        "keys/index/claimable": {"dynamodb:Query"},
        "guards": {"dynamodb:UpdateItem"},
        "suppliers": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "supplier_accounts": {"secretsmanager:GetSecretValue"},
        "direct_recharge": {"states:SendTaskSuccess"},
    },
    "refunds": {
        "orders": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "payments": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "payment_accounts": {"secretsmanager:GetSecretValue"},
        "refunds": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
    },
    "reconciliation": {
        "orders": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
        "orders/index/by_paid_reference": {"dynamodb:Query"},
        "orders/index/by_status": {"dynamodb:Query"},
        "payments": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
        "accounts": {"dynamodb:Query"},
        "suppliers": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
        "reconciliation": {
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "payment_accounts": {"secretsmanager:GetSecretValue"},
        "supplier_accounts": {"secretsmanager:GetSecretValue"},
        "reconciliations": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
    },
    "key_issuance": {
        "orders": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "keys": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "keys/index/claimable": {"dynamodb:Query"},
        "issuance": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
    },
    "event_relay": {
        # A table and its stream share a logical name.
        "catalog": _STREAM,
        "keys": _STREAM | {"dynamodb:GetItem", "dynamodb:PutItem"},
        "orders": _STREAM,
        "payments": _STREAM,
        "reconciliation": _STREAM,
        "suppliers": _STREAM,
        "accounts": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
        "audit": {
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "audit_chain": {"secretsmanager:GetSecretValue"},
        "bus": {"events:PutEvents"},
        "direct_recharge": {"states:StartExecution"},
        "refunds": {"sqs:SendMessage"},
        "reconciliations": {"sqs:SendMessage"},
        "inquiries": {"sqs:SendMessage"},
        "supply": {"sqs:SendMessage"},
        "issuance": {"sqs:SendMessage"},
        "codes": {"sqs:SendMessage"},
        "exports": {"sqs:SendMessage"},
        "batches": {"sqs:SendMessage"},
        "uploads": {"sqs:SendMessage"},
        "relay_dead_letters": {"sqs:SendMessage"},
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_function_may_do_what_it_needs_and_nothing_else(prod: Template, name: str) -> None:
    assert _grants(prod, prod.functions()[name]) == EXPECTED[name]


def test_the_sandbox_touches_its_own_books_alone(local: Template) -> None:
    assert _grants(local, local.functions()["payment_sandbox"]) == {
        "sandbox": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"},
        "sandbox_queue": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"},
        "payment_accounts": {"secretsmanager:GetSecretValue"},
    }


def test_the_supplier_sandbox_touches_its_own_books_alone(local: Template) -> None:
    assert _grants(local, local.functions()["supplier_sandbox"]) == {
        "house": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"},
        "supplier_sandbox_queue": {
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        },
        "supplier_accounts": {"secretsmanager:GetSecretValue"},
    }


def test_the_list_of_grants_leaves_no_function_out(prod: Template) -> None:
    assert set(prod.functions()) == set(EXPECTED)


def test_no_action_is_a_wildcard_and_only_tracing_goes_without_a_resource(prod: Template) -> None:
    for function in prod.functions().values():
        for statement in prod.statements_of(function):
            assert not [action for action in statement.actions if "*" in action]
            if "*" in statement.resources:
                assert statement.actions == {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def test_each_function_has_a_role_of_its_own(prod: Template) -> None:
    functions = prod.functions().values()
    assert len({prod.role_of(function) for function in functions}) == len(functions)


def test_only_delivery_and_export_may_unwrap_what_the_vault_wrapped(prod: Template) -> None:
    openers = {"delivery_api", "key_export"}
    assert _named_users(prod.key("Vault"), "kms:Decrypt") == {prod.role_of(prod.functions()[name]) for name in openers}
    may_by_role = {
        name
        for name, function in prod.functions().items()
        if "kms:Decrypt" in _grants(prod, function).get("vault", set())
    }
    assert may_by_role == openers


_BRINGERS = ("key_import", "code_generation", "supply", "direct_recharge")


def test_whoever_brings_keys_in_may_wrap_new_keys_in_the_vault_but_unwrap_none(prod: Template) -> None:
    bringers = {prod.role_of(prod.functions()[name]) for name in _BRINGERS}
    assert _named_users(prod.key("Vault"), "kms:GenerateDataKey") == bringers
    assert not bringers & _named_users(prod.key("Vault"), "kms:Decrypt")


@pytest.mark.parametrize("purpose", ["Vault", "Fingerprint", "Data"])
def test_the_account_may_administer_a_key_but_not_use_it(prod: Template, purpose: str) -> None:
    using = re.compile(r"kms:(\*|Decrypt|Encrypt|GenerateDataKey|ReEncrypt|Create\*Grant)")
    for statement in prod.key(purpose).properties["KeyPolicy"]["Statement"]:
        if statement.get("Sid") == "AdministerButNotUse":
            assert not [action for action in as_list(statement["Action"]) if using.match(action)]


def test_whoever_uses_the_data_key_must_come_through_a_service_of_this_account(prod: Template) -> None:
    for statement in prod.key("Data").properties["KeyPolicy"]["Statement"]:
        if statement["Principal"] == {"AWS": "*"}:
            assert {"kms:CallerAccount", "kms:ViaService"} == set(statement["Condition"]["StringEquals"])


def _grants(template: Template, function: Resource) -> dict[str, set[str]]:
    grants: dict[str, set[str]] = {}
    for statement in template.statements_of(function):
        if statement.actions <= _PLATFORM:
            continue
        for resource in statement.resources:
            grants.setdefault(_plain(target_of(resource)), set()).update(statement.actions)
    return grants


def _plain(target: str) -> str:
    """A logical name without its hash."""
    if ":stateMachine:" in target:
        return target.rpartition("-")[2]
    name, slash, rest = target.partition("/")
    return _LOGICAL_NAMES[re.sub(r"[0-9A-F]{8}$", "", name)] + slash + rest


def _named_users(key: Resource, action: str) -> set[str]:
    users = set()
    for statement in key.properties["KeyPolicy"]["Statement"]:
        if action in as_list(statement["Action"]):
            users |= {target_of(arn) for arn in as_list(statement["Principal"]["AWS"])}
    return users
