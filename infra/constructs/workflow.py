"""The one way a Step Functions workflow is made here."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.function import RETENTION, Function, Platform

_DEFINITIONS = Path(__file__).resolve().parents[1] / "workflows"
_TO_LOG = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
_TO_TRACE = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")


def definition_of(name: str) -> str:
    """What is written in `infra/workflows/<name>.asl.json`."""
    return (_DEFINITIONS / f"{name}.asl.json").read_text()


def workflow_arn(scope: Construct, name: str) -> str:
    """Known before the workflow is: a function that tells it to go on is one of its own steps."""
    return cdk.Stack.of(scope).format_arn(
        service="states",
        resource="stateMachine",
        resource_name=workflow_name(scope, name),
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def workflow_name(scope: Construct, name: str) -> str:
    return f"{cdk.Stack.of(scope).stack_name}-{name}"


class Workflow(Construct):
    """A workflow with its role, log group and alarms, whose steps are all taken by one function of its name.

    It may call that function, and nothing else.
    """

    def __init__(self, scope: Construct, construct_id: str, *, platform: Platform, steps: Function) -> None:
        super().__init__(scope, construct_id)
        stage = platform.stage
        self.log_group = logs.LogGroup(
            self,
            "Log",
            encryption_key=platform.key,
            retention=RETENTION[stage.log_retention_days],
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.retain_data else cdk.RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        self._may(["lambda:InvokeFunction"], steps.function.function_arn)
        self._may([*_TO_LOG, *_TO_TRACE], "*")
        self.machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=workflow_name(self, steps.name),
            definition_string=definition_of(steps.name),
            definition_substitutions={steps.name: steps.function.function_arn},
            role_arn=self.role.role_arn,
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                # What goes in and out is ids; the functions' own logs say more.
                include_execution_data=False,
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=self.log_group.log_group_arn
                        )
                    )
                ],
            ),
        )
        # The workflow is refused while its role may not write to the log.
        self.machine.node.add_dependency(self.role)
        self._add_alarms(platform)
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Log deliveries and X-Ray's write actions know no resource; the function is named.",
        )

    def _may(self, actions: list[str], resource: str) -> None:
        self.role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))

    def _add_alarms(self, platform: Platform) -> None:
        machine = sfn.StateMachine.from_state_machine_arn(self, "Metrics", self.machine.attr_arn)
        minute = cdk.Duration.minutes(1)
        for name, metric, meaning in (
            ("Failed", machine.metric_failed(period=minute), "broke off: its unit is with a person, or soon will be"),
            ("TimedOut", machine.metric_timed_out(period=minute), "took longer than anything may: its unit is stuck"),
            ("Aborted", machine.metric_aborted(period=minute), "was stopped by somebody: its unit is started again"),
            ("Throttled", machine.metric_throttled(period=minute), "is slowed down by Step Functions"),
        ):
            platform.alarms.add(self, name, metric, meaning=f"a workflow {meaning}")
