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
_SILENT_FOR = cdk.Duration.hours(2)  # there is something to do every hour


class Schedules(Construct):
    """EventBridge Scheduler with a role that may send to the one queue and to its dead letters."""

    def __init__(self, scope: Construct, construct_id: str, *, jobs: WorkQueue, alarms: Alarms) -> None:
        super().__init__(scope, construct_id)
        self._jobs = jobs
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
                actions=["sqs:SendMessage"], resources=[jobs.queue.queue_arn, jobs.dead_letters.queue_arn]
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
            self._metric("InvocationAttemptCount", _SILENT_FOR),
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

    def every_hour(self, job: str, *, minute: int) -> None:
        """`job` is one that `scheduled_jobs` knows; UTC."""
        schedule = scheduler.CfnSchedule(
            self,
            "".join(word.title() for word in job.split("_")),
            group_name=self._group.ref,
            schedule_expression=f"cron({minute} * * * ? *)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self._jobs.queue.queue_arn,
                role_arn=self._role.role_arn,
                input=json.dumps({"job": job}),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=self._jobs.dead_letters.queue_arn
                ),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=_ATTEMPTS, maximum_event_age_in_seconds=_GIVEN_UP_AFTER_S
                ),
            ),
        )
        # The schedule is refused while the role may not send.
        schedule.node.add_dependency(self._role)
