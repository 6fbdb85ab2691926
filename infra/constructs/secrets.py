"""Secrets that people or the account make; a process reads them when it needs them first, some from time to time."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.lowest import resource_of
from infra.stages import Stage


class Secrets(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        removal = cdk.RemovalPolicy.RETAIN if stage.retain_data else cdk.RemovalPolicy.DESTROY
        self.access_token = secretsmanager.Secret(
            self,
            "AccessToken",
            description="Derives the access token of each order",
            encryption_key=key,
            removal_policy=removal,
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
        )
        acknowledge(
            self.access_token,
            "AwsSolutions-SMG4",
            "The token of every open order is derived from it: a rotation would lock all buyers out.",
        )
        self.audit_chain = secretsmanager.Secret(
            self,
            "AuditChain",
            description="Vouches for each record of the audit trail",
            encryption_key=key,
            removal_policy=removal,
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
        )
        acknowledge(
            self.audit_chain,
            "AwsSolutions-SMG4",
            "It vouches for every record ever written: after a rotation all of them would look changed.",
        )
        self.payment_accounts = secretsmanager.Secret(
            self,
            "PaymentAccounts",
            description="Accounts at the payment providers, as JSON; filled in by the operator after the deployment",
            encryption_key=key,
            removal_policy=removal,
            secret_string_value=cdk.SecretValue.unsafe_plain_text("{}"),
        )
        acknowledge(
            self.payment_accounts,
            "AwsSolutions-SMG4",
            "These are the providers' secrets: they are changed at the provider, by a person, and copied here.",
        )

        self.supplier_accounts = secretsmanager.Secret(
            self,
            "SupplierAccounts",
            description="Accounts with suppliers, as JSON; filled in by the operator after the deployment",
            encryption_key=key,
            removal_policy=removal,
            secret_string_value=cdk.SecretValue.unsafe_plain_text("{}"),
        )
        acknowledge(
            self.supplier_accounts,
            "AwsSolutions-SMG4",
            "These are the suppliers' secrets: they are changed at the supplier, by a person, and copied here.",
        )
        self.partner_credentials = secretsmanager.Secret(
            self,
            "PartnerCredentials",
            description="What channel partners sign their requests with, as JSON; filled in by the operator",
            encryption_key=key,
            removal_policy=removal,
            secret_string_value=cdk.SecretValue.unsafe_plain_text("{}"),
        )
        acknowledge(
            self.partner_credentials,
            "AwsSolutions-SMG4",
            "A partner has to be given the new one first: two live side by side while a person changes them.",
        )

    @property
    def access_token_arn(self) -> str:
        return _arn(self.access_token)

    @property
    def audit_chain_arn(self) -> str:
        return _arn(self.audit_chain)

    @property
    def payment_accounts_arn(self) -> str:
        return _arn(self.payment_accounts)

    @property
    def supplier_accounts_arn(self) -> str:
        return _arn(self.supplier_accounts)

    @property
    def partner_credentials_arn(self) -> str:
        return _arn(self.partner_credentials)


def _arn(secret: secretsmanager.Secret) -> str:
    """The ARN by attribute: a plain reference is the ARN on AWS, but only the name on the local cloud."""
    return resource_of(secret, secretsmanager.CfnSecret).attr_id
