"""The stream is the outbox: every table's changes go to the relay, and from there to the bus and the queues."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.function import Function
from infra.constructs.queues import WorkQueue
from infra.stages import Stage

_STREAM_RETRIES = 10
_RECORD_AGE_S = 6 * 60 * 60
_QUEUE_CONSUMERS = 10


class Events(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        # Events carry ids, states and amounts, never a secret, so the bus needs no key of its own.
        self.bus = events.EventBus(self, "Bus", event_bus_name=f"keyrail-{stage.name}")


def relay_streams(relay: Function, tables: Mapping[str, dynamodb.Table], dead_letters: sqs.IQueue) -> None:
    """Feed the relay; a record that cannot be relayed is isolated, retried, then reported to the queue.

    The mappings are written at the lowest level, so that the role gets these actions and not the bundles of the
    higher one.
    """
    relay.may(["sqs:SendMessage"], dead_letters.queue_arn)
    for name, table in tables.items():
        stream = table.table_stream_arn
        if stream is None:
            raise ValueError(f"table {name} has no stream to relay")
        relay.may(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], stream)
        mapping = lambda_.CfnEventSourceMapping(
            relay,
            f"Stream-{name}",
            function_name=relay.function.function_name,
            event_source_arn=stream,
            # From the oldest record kept: a change made before the mapping was ready is an event too.
            starting_position="TRIM_HORIZON",
            batch_size=100,
            function_response_types=["ReportBatchItemFailures"],
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=_STREAM_RETRIES,
            maximum_record_age_in_seconds=_RECORD_AGE_S,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=dead_letters.queue_arn)
            ),
        )
        # The mapping is refused while the role may not read the stream.
        mapping.node.add_dependency(relay.role)


def consume_queue(consumer: Function, source: WorkQueue) -> None:
    queue = source.queue
    consumer.may(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], queue.queue_arn)
    mapping = lambda_.CfnEventSourceMapping(
        consumer,
        "Queue",
        function_name=consumer.function.function_name,
        event_source_arn=queue.queue_arn,
        batch_size=source.work.batch_size,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=_QUEUE_CONSUMERS),
    )
    mapping.node.add_dependency(consumer.role)
    acknowledge(
        mapping,
        "Serverless-LambdaEventSourceMappingDestination",
        "A queue's mapping takes no destination; what fails too often goes to the queue's dead-letter queue.",
    )
