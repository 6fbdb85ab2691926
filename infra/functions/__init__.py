"""The functions of the stack, a module each: what it is given and what it may do.

A `TransactWriteItems` is authorised by the actions of its parts; a part that only checks by `ConditionCheckItem`.
"""

from collections.abc import Callable, Mapping

from constructs import Construct

from infra.constructs.function import Function
from infra.constructs.queues import Work
from infra.functions.batch_follow import BATCHES, batch_follow
from infra.functions.code_generation import CODES, code_generation
from infra.functions.delivery_api import delivery_api
from infra.functions.direct_recharge import direct_recharge
from infra.functions.event_relay import event_relay
from infra.functions.key_export import EXPORT_FILES, key_export
from infra.functions.key_import import UPLOADS, key_import
from infra.functions.key_issuance import ISSUANCE, key_issuance
from infra.functions.operator_api import operator_api
from infra.functions.parts import Parts
from infra.functions.payment_inquiries import INQUIRIES, payment_inquiries
from infra.functions.payment_sandbox import SANDBOX, payment_sandbox
from infra.functions.payment_webhook import payment_webhook
from infra.functions.reconciliation import RECONCILIATIONS, reconciliation
from infra.functions.redemption_api import redemption_api
from infra.functions.refunds import REFUNDS, refunds
from infra.functions.scheduled_jobs import JOBS, scheduled_jobs
from infra.functions.storefront_api import storefront_api
from infra.functions.supplier_sandbox import SUPPLIER_SANDBOX, supplier_sandbox
from infra.functions.supplier_webhook import supplier_webhook
from infra.functions.supply import SUPPLY, supply

CONSUMERS: Mapping[Work, Callable[[Construct, Parts], Function]] = {
    ISSUANCE: key_issuance,
    UPLOADS: key_import,
    CODES: code_generation,
    EXPORT_FILES: key_export,
    BATCHES: batch_follow,
    JOBS: scheduled_jobs,
    REFUNDS: refunds,
    INQUIRIES: payment_inquiries,
    RECONCILIATIONS: reconciliation,
    SUPPLY: supply,
}
"""Work that comes over queues, and who does it: queue, alarms, trigger, dashboard and outputs follow from a line here.
Those of the two sandboxes, which not every stage has, stand apart.
"""

__all__ = [
    "CONSUMERS",
    "INQUIRIES",
    "JOBS",
    "RECONCILIATIONS",
    "SANDBOX",
    "SUPPLIER_SANDBOX",
    "SUPPLY",
    "UPLOADS",
    "Parts",
    "delivery_api",
    "direct_recharge",
    "event_relay",
    "operator_api",
    "payment_sandbox",
    "payment_webhook",
    "redemption_api",
    "storefront_api",
    "supplier_sandbox",
    "supplier_webhook",
]
