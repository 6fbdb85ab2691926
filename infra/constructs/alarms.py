"""Alarms and the topic that they ring."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

NAMESPACE = "keyrail"
"""Namespace of the metrics that the functions write in the embedded metric format."""

_BUSINESS_ALARMS = (
    ("UnmatchedPayment", "event_relay", "a verified payment fits no order: somebody must refund or assign it"),
    ("RefundFailed", "event_relay", "a provider refuses to give money back that is owed"),
    ("ProviderSilent", "payment_inquiries", "a payment provider does not answer when it is asked about attempts"),
    (
        "ReconciliationDifference",
        "event_relay",
        "a provider's or a supplier's statement differs from our books: see which, and why",
    ),
    (
        "ReconciliationGivenUp",
        "event_relay",
        "a day could not be compared with the statement of a provider or a supplier",
    ),
    ("SupplierSilent", "event_relay", "a supplier does not answer, and gets no units until it does"),
    ("SupplierUnreached", "supply", "a supplier's catalogue cannot be looked at: what was known counts"),
    ("SupplierDoesPoorly", "supply", "a supplier answers, and refuses much, takes much in vain, or is slow: see why"),
    ("BalanceLow", "event_relay", "what we have with a supplier went below its threshold: top it up"),
    ("PurchaseHeldBack", "supply", "stock is low, and its rule cannot buy: the log says why"),
    ("PurchaseFailed", "event_relay", "a supplier refused to sell keys for the pool"),
    ("PurchaseWaits", "event_relay", "a purchase of keys waits for a person"),
    ("SupplyOverpaid", "event_relay", "a supplier took more for a unit than it was allowed to: ask for it back"),
    ("LowStock", "event_relay", "the stock of a SKU ran low: import keys, or sell fewer"),
    ("WorkOverdue", "scheduled_jobs", "units wait for a person longer than they may: see who has them"),
    ("OrderUnreadable", "scheduled_jobs", "an open order cannot be understood, and nobody looks after its units"),
    ("WorkContradicted", "event_relay", "a supplier says the opposite of a person about a recharge: see to it"),
    ("GuessingSuspected", "redemption_api", "somebody tried many codes that are none, and has to wait: see who"),
    (
        "SupplierNewsUnmatched",
        "supplier_webhook",
        "a supplier has news of an order that we never gave it, or of a decided one",
    ),
    ("CallbackRefused", "supplier_webhook", "suppliers' callbacks with bad signatures: an attack or a wrong secret"),
    ("CallbackRefused", "payment_webhook", "payment callbacks with bad signatures: an attack or a wrong secret"),
)
_THAT_MATTER = {"CallbackRefused": 10, "ProviderSilent": 10}


class Alarms(Construct):
    """Owns the topic; every alarm of the stack is made here so that none is left without a listener."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey, tls: bool) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=tls)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        self.all: list[cloudwatch.Alarm] = []

    def add(
        self,
        owner: Construct,
        name: str,
        metric: cloudwatch.IMetric,
        *,
        meaning: str,
        threshold: float = 1,
        operator: cloudwatch.ComparisonOperator = (cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
        evaluation_periods: int = 1,
        rings_in_silence: bool = False,
    ) -> cloudwatch.Alarm:
        """Ring when the metric reaches the threshold. Silence is health, since idle functions write no data; what the
        clock has to bring `rings_in_silence`.
        """
        missing = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            owner,
            f"{name}Alarm",
            metric=metric,
            threshold=threshold,
            comparison_operator=operator,
            evaluation_periods=evaluation_periods,
            alarm_description=f"{owner.node.path}: {meaning}",
            treat_missing_data=missing.BREACHING if rings_in_silence else missing.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.all.append(alarm)
        return alarm

    def add_business_alarms(self) -> None:
        for metric_name, function, meaning in _BUSINESS_ALARMS:
            owner = Construct(self, f"{metric_name}-{function}")
            self.add(
                owner,
                metric_name,
                cloudwatch.Metric(
                    namespace=NAMESPACE,
                    metric_name=metric_name,
                    dimensions_map={"service": function},
                    statistic="Sum",
                    period=cdk.Duration.minutes(5),
                ),
                meaning=meaning,
                threshold=_THAT_MATTER.get(metric_name, 1),
            )
