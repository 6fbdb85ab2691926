"""One table per owner. Attributes named here are those that keys and indexes need; the rest is the runtime's."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.stages import Stage


class Tables(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self._stage, self._key = stage, key

        self.catalog = self._table("Catalog", "pk", "sk")
        _index(self.catalog, "by_listing", "listing", "listing_order", everything=True)

        self.keys = self._table("Keys", "key_id")
        # Both name the last command on its batch that a key follows, so that whoever looks for the others reads no key.
        _index(self.keys, "claimable", "claim_partition", "claim_order", named=["follows"])
        # Sparse as well: keys that have left the pool, so that all keys of a batch are found.
        _index(self.keys, "by_batch", "batch_partition", "left_pool", named=["follows"])

        self.orders = self._table("Orders", "order_id")
        _index(self.orders, "by_status", "status_partition", "status_order")
        _index(self.orders, "by_paid_reference", "paid_reference")
        # A buyer's orders by their age, which every order has as a number of its own: no attribute more to store.
        _index(self.orders, "by_email", "buyer_email", "created_at_ms", sort_type=dynamodb.AttributeType.NUMBER)
        _index(self.orders, "by_phone", "buyer_phone", "created_at_ms", sort_type=dynamodb.AttributeType.NUMBER)

        # Sparse: only orders of which a refund waits for a second person.
        _index(self.orders, "by_approval", "approval", "approval_order")

        # Sparse: only orders of which a person is to see to a unit.
        _index(self.orders, "by_work", "work", "work_order")

        # Verified payments that could not be applied: the operator's desk.
        self.payments = self._table("Payments", "payment_id")
        _index(self.payments, "by_desk", "desk", "desk_order", everything=True)

        # The books, whose primary key leads by day; what is booked is nobody's event. By holder, sparse: who has a
        # balance with us, and the entries of each.
        self.accounts = self._table("Accounts", "account_id", "sk", stream=False)
        _index(self.accounts, "by_holder", "holder", "holder_order")

        # Days compared with the providers' statements: a run, and what differs in its partition. What a supplier was
        # asked about instead, order by order, ends by itself.
        self.reconciliation = self._table("Reconciliation", "pk", "sk", ends_by="expires_at")
        _index(self.reconciliation, "by_month", "month", "place", everything=True)

        # Where SKUs come from, and suppliers with their health; what is counted by the day or the hour ends by itself.
        self.suppliers = self._table("Suppliers", "pk", "sk", ends_by="expires_at")

        # Counters, blocks and what is taken only once: all of it ends by itself, and none of it is news to anybody.
        self.guards = self._table("Guards", "pk", stream=False, ends_by="expires_at")

        # Written from the streams of the others, so it has none of its own.
        self.audit = self._table("Audit", "subject", "at_id", stream=False)

        # The books of the payment provider that only pretends; not ours, so nothing of them is news to anybody.
        self.sandbox: dynamodb.Table | None = None
        if stage.sandbox:
            self.sandbox = self._table("Sandbox", "trade_id", stream=False, ends_by="expires_at")

        # And those of the supplier that does.
        self.house: dynamodb.Table | None = None
        if stage.sandbox:
            self.house = self._table("House", "sale_id", stream=False, ends_by="expires_at")

        self.with_stream = {
            "catalog": self.catalog,
            "keys": self.keys,
            "orders": self.orders,
            "payments": self.payments,
            "reconciliation": self.reconciliation,
            "suppliers": self.suppliers,
        }
        self.all = {**self.with_stream, "accounts": self.accounts, "guards": self.guards, "audit": self.audit}
        if self.sandbox is not None:
            self.all["sandbox"] = self.sandbox
        if self.house is not None:
            self.all["house"] = self.house

    def _table(
        self, name: str, partition: str, sort: str | None = None, *, stream: bool = True, ends_by: str | None = None
    ) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            name,
            partition_key=_text(partition),
            sort_key=_text(sort) if sort else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._stage.retain_data,
            removal_policy=cdk.RemovalPolicy.RETAIN if self._stage.retain_data else cdk.RemovalPolicy.DESTROY,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if stream else None,
            time_to_live_attribute=ends_by,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _index(
    table: dynamodb.Table,
    name: str,
    partition: str,
    sort: str | None = None,
    *,
    sort_type: dynamodb.AttributeType = dynamodb.AttributeType.STRING,
    named: list[str] | None = None,
    everything: bool = False,
) -> None:
    some = dynamodb.ProjectionType.INCLUDE if named else dynamodb.ProjectionType.KEYS_ONLY
    table.add_global_secondary_index(
        index_name=name,
        partition_key=_text(partition),
        sort_key=dynamodb.Attribute(name=sort, type=sort_type) if sort else None,
        projection_type=dynamodb.ProjectionType.ALL if everything else some,
        non_key_attributes=named,
    )
