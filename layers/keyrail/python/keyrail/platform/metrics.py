"""Counters that alarms watch; written to the log in CloudWatch's embedded metric format."""

import os
from enum import StrEnum

from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "keyrail"


class Metric(StrEnum):
    CALLBACK_REFUSED = "CallbackRefused"
    UNMATCHED_PAYMENT = "UnmatchedPayment"
    REFUND_FAILED = "RefundFailed"
    GUESSING_SUSPECTED = "GuessingSuspected"
    PROVIDER_SILENT = "ProviderSilent"
    SUPPLIER_NEWS_UNMATCHED = "SupplierNewsUnmatched"
    SUPPLIER_SILENT = "SupplierSilent"
    SUPPLIER_UNREACHED = "SupplierUnreached"
    SUPPLIER_DOES_POORLY = "SupplierDoesPoorly"
    BALANCE_LOW = "BalanceLow"
    PURCHASE_HELD_BACK = "PurchaseHeldBack"
    PURCHASE_FAILED = "PurchaseFailed"
    PURCHASE_WAITS = "PurchaseWaits"
    RECONCILIATION_DIFFERENCE = "ReconciliationDifference"
    RECONCILIATION_GIVEN_UP = "ReconciliationGivenUp"
    LOW_STOCK = "LowStock"
    WORK_OVERDUE = "WorkOverdue"
    ORDER_UNREADABLE = "OrderUnreadable"
    SUPPLY_OVERPAID = "SupplyOverpaid"
    WORK_CONTRADICTED = "WorkContradicted"


def count(metric: Metric, times: int = 1) -> None:
    service = {"service": os.environ.get("POWERTOOLS_SERVICE_NAME", "keyrail")}
    with single_metric(metric, MetricUnit.Count, times, namespace=NAMESPACE, default_dimensions=service):
        pass
