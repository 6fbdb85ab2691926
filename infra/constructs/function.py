"""The one way a Lambda function is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.bundling.bundles import Bundles
from infra.constructs.acknowledge import acknowledge
from infra.constructs.alarms import NAMESPACE, Alarms
from infra.stages import Stage

RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    365: logs.RetentionDays.ONE_YEAR,
}


@dataclass(frozen=True)
class Platform:
    """What every function of a stage shares."""

    stage: Stage
    bundles: Bundles
    layers: Sequence[lambda_.ILayerVersion]
    key: kms.IKey
    alarms: Alarms


class Function(Construct):
    """A function with its role, log group and alarms.

    `name` is the folder under `functions/`. The role starts with nothing but its own log and traces; `may` adds
    one statement of explicit actions. One that works `in_slices` sends itself the rest: Lambda would take that for an
    endless loop after sixteen of them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        platform: Platform,
        timeout_s: int,
        memory_mb: int,
        environment: Mapping[str, str],
        in_slices: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name, self.timeout_s = name, timeout_s
        stage = platform.stage
        self.log_group = logs.LogGroup(
            self,
            "Log",
            encryption_key=platform.key,
            retention=RETENTION[stage.log_retention_days],
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.retain_data else cdk.RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.may(["logs:CreateLogStream", "logs:PutLogEvents"], self.log_group.log_group_arn)
        self.function = lambda_.Function(
            self,
            "Function",
            description=f"keyrail {stage.name} {name}",
            code=lambda_.Code.from_asset(str(platform.bundles.function(name))),
            handler=f"functions.{name}.handler.handler",
            runtime=lambda_.Runtime(stage.target.runtime, lambda_.RuntimeFamily.PYTHON),
            architecture=(
                lambda_.Architecture.ARM_64 if stage.target.architecture == "arm64" else lambda_.Architecture.X86_64
            ),
            layers=list(platform.layers),
            role=self.role,
            log_group=self.log_group,
            timeout=cdk.Duration.seconds(timeout_s),
            memory_size=memory_mb,
            recursive_loop=lambda_.RecursiveLoop.ALLOW if in_slices else None,
            # Active tracing without the SDK: the service's own segments cost the function no import.
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                "KEYRAIL_STAGE": stage.name,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_LOG_LEVEL": stage.log_level,
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                **environment,
            },
        )
        self._add_alarms(platform.alarms)
        self._acknowledge()

    def may(self, actions: Sequence[str], *resources: str) -> None:
        """Grant exactly these actions on exactly these resources."""
        self.role.add_to_principal_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))

    def _add_alarms(self, alarms: Alarms) -> None:
        minute = cdk.Duration.minutes(1)
        alarms.add(self, "Errors", self.function.metric_errors(period=minute), meaning="invocations end in an error")
        alarms.add(
            self, "Throttles", self.function.metric_throttles(period=minute), meaning="invocations are throttled"
        )

    def _acknowledge(self) -> None:
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "X-Ray's two write actions know no resource; every other statement names its resources.",
        )
        acknowledge(
            self.function,
            "Serverless-LambdaDLQ",
            "Never called asynchronously: an API answers its caller, a mapping has its own destination.",
        )
        for rule in ("AwsSolutions-L1", "Serverless-LambdaLatestVersion"):
            acknowledge(
                self.function,
                rule,
                "The newest runtime is taken up once every locked package has a wheel for it; the local cloud runs "
                "its own interpreter, whatever is named here.",
            )
