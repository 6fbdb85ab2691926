"""What the clock asks for: messages to a work queue, so that a job that fails is tried again, kept and heard of."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.queues import WorkQueue

_ATTEMPTS = 5
_GIVEN_UP_AFTER_S = 15 * 60  # the next message is due soon enough
_HOURLY_SILENT_FOR_MINUTES = 120


class Schedules(Construct):
    """What EventBridge Scheduler sends to one queue, by a role that may send there and to its dead letters.

    An alarm rings where none of it was sent for `silent_for_minutes`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queue: WorkQueue,
        alarms: Alarms,
        silent_for_minutes: int = _HOURLY_SILENT_FOR_MINUTES,
    ) -> None:
        super().__init__(scope, construct_id)
        self._queue = queue
        # A group of its own, so that its failures are told apart from other schedules of the account.
        self._group = scheduler.CfnScheduleGroup(self, "Group")
        self._role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": cdk.Stack.of(self).account,
                        "aws:SourceArn": self._group.attr_arn,
                    }
                },
            ),
        )
        self._role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"], resources=[queue.queue.queue_arn, queue.dead_letters.queue_arn]
            )
        )
        alarms.add(
            self,
            "Dropped",
            self._metric("InvocationDroppedCount", cdk.Duration.minutes(5)),
            meaning="the clock could not send a job to its queue: see the role of the schedules",
        )
        alarms.add(
            self,
            "Silent",
            self._metric("InvocationAttemptCount", cdk.Duration.minutes(silent_for_minutes)),
            meaning="the clock asked for nothing: see whether the schedules are enabled, and are there",
            operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            rings_in_silence=True,
        )

    def _metric(self, name: str, period: cdk.Duration) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Scheduler",
            metric_name=name,
            dimensions_map={"ScheduleGroup": self._group.ref},
            statistic="Sum",
            period=period,
        )

    def every_minutes(self, job: str, minutes: int) -> None:
        """`job` is one that the queue's consumer knows."""
        self._send(job, f"rate({minutes} minutes)")

    def every_hour(self, job: str, *, minute: int) -> None:
        self._send(job, f"cron({minute} * * * ? *)")

    def every_day(self, job: str, *, hour: int, minute: int) -> None:
        """UTC."""
        self._send(job, f"cron({minute} {hour} * * ? *)")

    def _send(self, job: str, when: str) -> None:
        schedule = scheduler.CfnSchedule(
            self,
            "".join(word.title() for word in job.split("_")),
            group_name=self._group.ref,
            schedule_expression=when,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self._queue.queue.queue_arn,
                role_arn=self._role.role_arn,
                input=json.dumps({"job": job}),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=self._queue.dead_letters.queue_arn
                ),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=_ATTEMPTS, maximum_event_age_in_seconds=_GIVEN_UP_AFTER_S
                ),
            ),
        )
        # The schedule is refused while the role may not send.
        schedule.node.add_dependency(self._role)
