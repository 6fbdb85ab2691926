"""Queues: work queues, and the dead-letter queues that an alarm watches."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.alarms import Alarms
from infra.stages import Stage

_DELIVERIES_BEFORE_DEAD_LETTER = 5
_AFTER_A_KILL_S = 5


@dataclass(frozen=True, kw_only=True)
class Work:
    """What comes over a queue to one function, which says so beside itself."""

    construct_id: str
    name: str
    """Under which the outputs and the functions' settings know its queue."""
    timeout_s: int
    """Of the function."""
    meaning: str
    """What it means when a message is older than `patience_s`."""
    patience_s: int = 300
    delay_s: int = 0
    soon_again: bool = False
    """It is done in slices, and goes on soon after a slice was killed. Otherwise a message stays hidden for six times
    the time-out, which is what Lambda asks for, so that a batch under retry is not given to another.
    """
    batch_size: int = 1

    @property
    def variable(self) -> str:
        return f"{self.name.upper()}_QUEUE_URL"

    @property
    def visibility_s(self) -> int:
        return self.timeout_s + _AFTER_A_KILL_S if self.soon_again else 6 * self.timeout_s


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
    """The queue of some work, with its dead-letter queue."""

    def __init__(self, scope: Construct, work: Work, *, stage: Stage, key: kms.IKey, alarms: Alarms) -> None:
        super().__init__(scope, work.construct_id)
        self.work = work
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", stage=stage, key=key, alarms=alarms)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=not stage.local,
            delivery_delay=cdk.Duration.seconds(work.delay_s) if work.delay_s else None,
            visibility_timeout=cdk.Duration.seconds(work.visibility_s),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=_DELIVERIES_BEFORE_DEAD_LETTER
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        alarms.add(
            self.queue,
            "Age",
            self.queue.metric_approximate_age_of_oldest_message(period=cdk.Duration.minutes(1), statistic="Maximum"),
            threshold=work.patience_s,
            operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            meaning=work.meaning,
        )
        _acknowledge_plain_text(self.queue, stage)


def _acknowledge_plain_text(queue: sqs.Queue, stage: Stage) -> None:
    if stage.local:
        acknowledge(queue, "AwsSolutions-SQS4", "The local cloud answers on loopback without TLS.")
