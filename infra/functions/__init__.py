"""The functions of the stack, a module each: what it is given and what it may do.

A `TransactWriteItems` is authorised by the actions of its parts, and no transaction here carries a part that only
checks.
"""

from infra.functions.batch_follow import FOLLOW_TIMEOUT_S, batch_follow
from infra.functions.code_generation import CODES_TIMEOUT_S, code_generation
from infra.functions.delivery_api import delivery_api
from infra.functions.event_relay import event_relay
from infra.functions.key_export import EXPORT_TIMEOUT_S, key_export
from infra.functions.key_import import IMPORT_TIMEOUT_S, key_import
from infra.functions.key_issuance import ISSUANCE_TIMEOUT_S, key_issuance
from infra.functions.operator_api import operator_api
from infra.functions.parts import Parts
from infra.functions.payment_inquiries import INQUIRIES_TIMEOUT_S, payment_inquiries
from infra.functions.payment_sandbox import SANDBOX_TIMEOUT_S, payment_sandbox
from infra.functions.payment_webhook import payment_webhook
from infra.functions.reconciliation import RECONCILIATION_TIMEOUT_S, reconciliation
from infra.functions.redemption_api import redemption_api
from infra.functions.refunds import REFUNDS_TIMEOUT_S, refunds
from infra.functions.scheduled_jobs import JOBS_TIMEOUT_S, scheduled_jobs
from infra.functions.storefront_api import storefront_api

__all__ = [
    "CODES_TIMEOUT_S",
    "EXPORT_TIMEOUT_S",
    "FOLLOW_TIMEOUT_S",
    "IMPORT_TIMEOUT_S",
    "INQUIRIES_TIMEOUT_S",
    "ISSUANCE_TIMEOUT_S",
    "JOBS_TIMEOUT_S",
    "RECONCILIATION_TIMEOUT_S",
    "REFUNDS_TIMEOUT_S",
    "SANDBOX_TIMEOUT_S",
    "Parts",
    "batch_follow",
    "code_generation",
    "delivery_api",
    "event_relay",
    "key_export",
    "key_import",
    "key_issuance",
    "operator_api",
    "payment_inquiries",
    "payment_sandbox",
    "payment_webhook",
    "reconciliation",
    "redemption_api",
    "refunds",
    "scheduled_jobs",
    "storefront_api",
]
