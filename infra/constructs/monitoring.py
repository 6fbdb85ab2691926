"""One dashboard: is money coming in, are goods going out, does anything wait."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.function import Function


def add_dashboard(
    scope: Construct, *, functions: Sequence[Function], queues: Sequence[sqs.IQueue], alarms: Alarms
) -> cloudwatch.Dashboard:
    period = cdk.Duration.minutes(5)
    return cloudwatch.Dashboard(
        scope,
        "Dashboard",
        default_interval=cdk.Duration.hours(6),
        widgets=[
            [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms.all), width=24, height=6)],
            [
                cloudwatch.GraphWidget(
                    title="Invocations",
                    left=[f.function.metric_invocations(label=f.name, period=period) for f in functions],
                ),
                cloudwatch.GraphWidget(
                    title="Errors", left=[f.function.metric_errors(label=f.name, period=period) for f in functions]
                ),
                cloudwatch.GraphWidget(
                    title="Duration, p99",
                    left=[f.function.metric_duration(label=f.name, period=period, statistic="p99") for f in functions],
                ),
                cloudwatch.GraphWidget(
                    title="Waiting messages",
                    left=[
                        queue.metric_approximate_number_of_messages_visible(label=queue.node.path, period=period)
                        for queue in queues
                    ],
                ),
            ],
        ],
    )
