"""The local stack's card, `.local/stack.json`: all that a person or a client needs to use the stack."""

from __future__ import annotations

import json
import os
import secrets
import string
from contextlib import suppress
from pathlib import Path
from typing import Any

from infra.local.accounts import fill_payment_accounts
from infra.local.deployment import client
from infra.local.settings import ADMIN, REGION
from infra.local.suppliers import fill_supplier_accounts

OPERATOR = "operator"
PARTNER = "sandbox-till"


def make_card(endpoint: str, outputs: dict[str, str], providers_base: str) -> dict[str, Any]:
    """Fill what the deployment leaves open (accounts, an operator), and say where everything is.

    `providers_base` is the address that stands in the place of the payment providers' APIs.
    """
    partner = _fill_partner_credentials(endpoint, outputs["PartnerCredentialsSecretArn"])
    accounts_arn, api_url = outputs["PaymentAccountsSecretArn"], outputs["ApiUrl"]
    payments, sandbox = fill_payment_accounts(endpoint, accounts_arn, providers_base, api_url)
    suppliers = fill_supplier_accounts(endpoint, outputs["SupplierAccountsSecretArn"], api_url)
    operator = _make_operator(endpoint, outputs)
    return {
        "api_url": outputs["ApiUrl"],
        "endpoint_url": endpoint,
        "region": REGION,
        "stage": "local",
        "credentials": {
            "access_key_id": ADMIN["AWS_ACCESS_KEY_ID"],
            "secret_access_key": ADMIN["AWS_SECRET_ACCESS_KEY"],
        },
        "tables": {
            name.removeprefix("Table").lower(): value for name, value in outputs.items() if name.startswith("Table")
        },
        "functions": _under(outputs, "Function"),
        "logs": _under(outputs, "Log"),
        "queues": {
            "issuance": outputs["IssuanceQueueUrl"],
            "issuance_dead_letters": outputs["IssuanceDeadLetterQueueUrl"],
            "inquiries": outputs["InquiryQueueUrl"],
            "inquiry_dead_letters": outputs["InquiryDeadLetterQueueUrl"],
            "reconciliations": outputs["ReconciliationQueueUrl"],
            "reconciliation_dead_letters": outputs["ReconciliationDeadLetterQueueUrl"],
            "supply": outputs["SupplyQueueUrl"],
            "supply_dead_letters": outputs["SupplyDeadLetterQueueUrl"],
            "relay_dead_letters": outputs["RelayDeadLetterQueueUrl"],
            "import_dead_letters": outputs["ImportDeadLetterQueueUrl"],
        },
        "bucket": outputs["ImportBucket"],
        "event_bus": outputs["EventBusName"],
        "operator": operator,
        "partner": partner,
        "payments": payments,
        "sandbox": sandbox,
        "suppliers": suppliers,
    }


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Readable by its owner only, and never seen half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(card, file, indent=2)
        file.write("\n")
    scratch.rename(path)


def _fill_partner_credentials(endpoint: str, secret_arn: str) -> dict[str, str]:
    """A credential for a till, once in the life of a stack, as `partner` on the card."""
    store = client("secretsmanager", endpoint)
    known = json.loads(store.get_secret_value(SecretId=secret_arn)["SecretString"])
    if not known:
        key = f"kc_{secrets.token_hex(6)}"
        known = {key: {"partner": PARTNER, "secrets": [secrets.token_hex(32)]}}
        store.put_secret_value(SecretId=secret_arn, SecretString=json.dumps(known))
    ((key, credential),) = list(known.items())[:1]
    return {"key": key, "secret": credential["secrets"][0]}


def _make_operator(endpoint: str, outputs: dict[str, str]) -> dict[str, Any]:
    """An operator with a fresh password; made anew each time, since nobody remembers the last one."""
    cognito, pool = client("cognito-idp", endpoint), outputs["UserPoolId"]
    password = _password()
    with suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(
            UserPoolId=pool, Username=OPERATOR, TemporaryPassword=password, MessageAction="SUPPRESS"
        )
    cognito.admin_set_user_password(UserPoolId=pool, Username=OPERATOR, Password=password, Permanent=True)
    for group in ("operator", "admin"):
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=OPERATOR, GroupName=group)
    return {
        "username": OPERATOR,
        "password": password,
        # POST here with `X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth`; see `operator_token`.
        "token_url": f"{endpoint}/",
        "client_id": outputs["UserPoolClientId"],
        "user_pool_id": pool,
    }


def operator_token(card: dict[str, Any]) -> str:
    """Sign in as the card's operator; the token is for `Authorization: Bearer`, and lasts an hour."""
    operator = card["operator"]
    answer = client("cognito-idp", card["endpoint_url"]).initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=operator["client_id"],
        AuthParameters={"USERNAME": operator["username"], "PASSWORD": operator["password"]},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


def _password() -> str:
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_+=")
    letters = [secrets.choice(kind) for kind in kinds]
    letters += [secrets.choice("".join(kinds)) for _ in range(16)]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


def _under(outputs: dict[str, str], prefix: str) -> dict[str, str]:
    return {_snake(name.removeprefix(prefix)): value for name, value in outputs.items() if name.startswith(prefix)}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
