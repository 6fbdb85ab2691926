"""The bucket that key files come in by; rejected lines and encrypted exports wait in it to be fetched."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.lowest import resource_of
from infra.stages import Stage

PREFIX = "imports/"
EXPORTS = "exports/"
REJECTED = "rejected/"


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

    @property
    def rejected_arn(self) -> str:
        return self.bucket.arn_for_objects(f"{REJECTED}*")

    def announce_to(self, queue: sqs.Queue) -> None:
        """Tell the queue of each new file, and of each that expired before its import had come to an end.

        Written with the bucket's own property, not with the CDK's custom resource, whose function may write the
        notifications of every bucket in the account. S3 tries the queue before it takes the property, so its
        permission comes first; it names the account instead of the bucket, or each would have to wait for the other.
        """
        permission = queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NewFiles",
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        resource = resource_of(self.bucket, s3.CfnBucket)
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(
                    event=event,
                    queue=queue.queue_arn,
                    filter=s3.CfnBucket.NotificationFilterProperty(
                        s3_key=s3.CfnBucket.S3KeyFilterProperty(
                            rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=PREFIX)]
                        )
                    ),
                )
                for event in ("s3:ObjectCreated:*", "s3:LifecycleExpiration:Delete")
            ]
        )
        if permission.policy_dependable is not None:
            self.bucket.node.add_dependency(permission.policy_dependable)

    def acknowledge_objects(self, holder: Construct, prefix: str = PREFIX) -> None:
        """Accept that a policy of the holder names all objects of the prefix at once."""
        bucket = cdk.Stack.of(self).get_logical_id(resource_of(self.bucket, s3.CfnBucket))
        acknowledge(
            holder,
            f"AwsSolutions-IAM5[Resource::<{bucket}.Arn>/{prefix}*]",
            "Each file is an object of its own name under one prefix; the statement ends at that prefix.",
        )
