"""The bucket that key files come in by, and encrypted exports wait in."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.function import Function
from infra.constructs.lowest import resource_of
from infra.stages import Stage

PREFIX = "imports/"
EXPORTS = "exports/"


class Imports(Construct):
    """Files hold secrets in the clear, so they go the moment they are read, and after a day whatever happened."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=not stage.local,
            # No versions: a deleted file must really be gone.
            versioned=False,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(1), abort_incomplete_multipart_upload_after=cdk.Duration.days(1)
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.retain_data else cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.bucket,
            "AwsSolutions-S1",
            "Objects live for minutes and are written once through a presigned address that the audit trail records; "
            "server access logs would need a second bucket and add nothing to it.",
        )
        if stage.local:
            acknowledge(self.bucket, "AwsSolutions-S10", "The local cloud answers on loopback without TLS.")

    @property
    def objects_arn(self) -> str:
        return self.bucket.arn_for_objects(f"{PREFIX}*")

    @property
    def exports_arn(self) -> str:
        return self.bucket.arn_for_objects(f"{EXPORTS}*")

    def deliver_to(self, importer: Function) -> None:
        """Call the importer for each new file.

        Written with the bucket's own property, not with the CDK's custom resource, whose function may write the
        notifications of every bucket in the account. Two things would make a circle (bucket, function, policy)
        and are therefore apart: the permission names the account instead of the bucket, and what the importer may
        do with objects is a policy that its function does not wait for.
        """
        permission = lambda_.CfnPermission(
            self,
            "MayCall",
            action="lambda:InvokeFunction",
            function_name=importer.function.function_arn,
            principal="s3.amazonaws.com",
            source_account=cdk.Stack.of(self).account,
        )
        resource = resource_of(self.bucket, s3.CfnBucket)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            lambda_configurations=[
                s3.CfnBucket.LambdaConfigurationProperty(
                    event="s3:ObjectCreated:*",
                    function=importer.function.function_arn,
                    filter=s3.CfnBucket.NotificationFilterProperty(
                        s3_key=s3.CfnBucket.S3KeyFilterProperty(
                            rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=PREFIX)]
                        )
                    ),
                )
            ]
        )
        resource.add_resource_dependency(permission)
        policy = iam.Policy(
            self,
            "ReadAndRemove",
            roles=[importer.role],
            statements=[iam.PolicyStatement(actions=["s3:GetObject", "s3:DeleteObject"], resources=[self.objects_arn])],
        )
        self.acknowledge_objects(policy)

    def acknowledge_objects(self, holder: Construct, prefix: str = PREFIX) -> None:
        """Accept that a policy of the holder names all objects of the prefix at once."""
        bucket = cdk.Stack.of(self).get_logical_id(resource_of(self.bucket, s3.CfnBucket))
        acknowledge(
            holder,
            f"AwsSolutions-IAM5[Resource::<{bucket}.Arn>/{prefix}*]",
            "Each file is an object of its own name under one prefix; the statement ends at that prefix.",
        )
