"""Queues: work queues, and the dead-letter queues that an alarm watches."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.alarms import Alarms
from infra.stages import Stage

_DELIVERIES_BEFORE_DEAD_LETTER = 5


class DeadLetterQueue(sqs.Queue):
    """Where work goes that could not be done; never empty without somebody knowing."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, key: kms.IKey, alarms: Alarms) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=not stage.local,
            retention_period=cdk.Duration.days(14),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        alarms.add(
            self,
            "Depth",
            self.metric_approximate_number_of_messages_visible(period=cdk.Duration.minutes(1), statistic="Maximum"),
            meaning="work waits that could not be done; look at it and redrive",
        )
        acknowledge(self, "AwsSolutions-SQS3", "This is the dead-letter queue.")
        acknowledge(self, "Serverless-SQSRedrivePolicy", "This is the dead-letter queue.")
        _acknowledge_plain_text(self, stage)


class WorkQueue(Construct):
    """A queue with its dead-letter queue.

    `meaning` is what it means when a message is older than `patience_s`. Six times the consumer's time-out is what
    Lambda asks for, so that a batch under retry stays hidden; work that is done in slices gives a shorter
    `visibility_s`, no shorter than the time-out, so that it goes on soon after a slice was killed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        key: kms.IKey,
        alarms: Alarms,
        consumer_timeout_s: int,
        meaning: str,
        patience_s: int = 300,
        delay_s: int = 0,
        visibility_s: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", stage=stage, key=key, alarms=alarms)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=not stage.local,
            delivery_delay=cdk.Duration.seconds(delay_s) if delay_s else None,
            visibility_timeout=cdk.Duration.seconds(visibility_s or 6 * consumer_timeout_s),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=_DELIVERIES_BEFORE_DEAD_LETTER
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        alarms.add(
            self.queue,
            "Age",
            self.queue.metric_approximate_age_of_oldest_message(period=cdk.Duration.minutes(1), statistic="Maximum"),
            threshold=patience_s,
            operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            meaning=meaning,
        )
        _acknowledge_plain_text(self.queue, stage)


def _acknowledge_plain_text(queue: sqs.Queue, stage: Stage) -> None:
    if stage.local:
        acknowledge(queue, "AwsSolutions-SQS4", "The local cloud answers on loopback without TLS.")
