"""The customer-managed keys: one for data at rest, one for the merchant's secrets, one for their fingerprints."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.stages import Stage

_ADMINISTRATION = [
    "kms:CancelKeyDeletion",
    "kms:Create*",
    "kms:Delete*",
    "kms:Describe*",
    "kms:Disable*",
    "kms:Enable*",
    "kms:Get*",
    "kms:List*",
    "kms:Put*",
    "kms:Revoke*",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:Update*",
]
_DATA_SERVICES = ("dynamodb", "s3", "secretsmanager", "sns", "sqs")


class Keys(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.data = self._key(stage, "Data", "tables, queues, buckets, secrets and logs at rest")
        self.vault = self._key(stage, "Vault", "wraps the data key of each batch of keys")
        self.fingerprint = self._key(stage, "Fingerprint", "wraps the key of the fingerprints")
        self._open_data_key_to_services()

    def _key(self, stage: Stage, name: str, purpose: str) -> kms.Key:
        """A key that the account may administer but not use; who may use it is said by name (`allow`)."""
        return kms.Key(
            self,
            name,
            description=f"keyrail {stage.name}: {purpose}",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.retain_data else cdk.RemovalPolicy.DESTROY,
            policy=iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        sid="AdministerButNotUse",
                        principals=[iam.AccountRootPrincipal()],
                        actions=_ADMINISTRATION,
                        resources=["*"],
                    )
                ]
            ),
        )

    def _open_data_key_to_services(self) -> None:
        """Whoever may read a table may use its key, but only through the table; so functions need no statement."""
        stack = cdk.Stack.of(self)
        self.data.add_to_resource_policy(
            iam.PolicyStatement(
                sid="ThroughTheServicesOnly",
                principals=[iam.AnyPrincipal()],
                actions=[
                    "kms:CreateGrant",
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:Encrypt",
                    "kms:GenerateDataKey*",
                    "kms:ReEncrypt*",
                ],
                resources=["*"],
                conditions={
                    "StringEquals": {
                        "kms:CallerAccount": stack.account,
                        "kms:ViaService": [
                            f"{service}.{stack.region}.{stack.url_suffix}" for service in _DATA_SERVICES
                        ],
                    }
                },
            )
        )
        self.data.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroupsOfThisAccount",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                            service="logs",
                            resource="log-group",
                            resource_name="*",
                            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                        )
                    }
                },
            )
        )
        self.data.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsEventsAndFilesThatSend",
                principals=[
                    iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                    iam.ServicePrincipal("events.amazonaws.com"),
                    iam.ServicePrincipal("s3.amazonaws.com"),
                ],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )


def allow(key: kms.Key, role: iam.IRole, *actions: str) -> None:
    """Let one role use a key.

    Said on both sides: the key's policy names the role, so that nobody else in the account can be given the
    right by IAM alone, and the role's policy names the key, so that the role shows all it can do.
    """
    key.add_to_resource_policy(
        iam.PolicyStatement(principals=[iam.ArnPrincipal(role.role_arn)], actions=list(actions), resources=["*"])
    )
    role.add_to_principal_policy(iam.PolicyStatement(actions=list(actions), resources=[key.key_arn]))
