"""`/ops/v1`: each desk of the back office declares its operations on the one API, when it is first asked for.

All desks together take longer to import than the budget of a start allows, and a call needs one of them.
"""

from importlib import import_module
from typing import Any

from functions.operator_api.app import Settings, api

__all__ = ["Settings", "api", "desks", "handler"]

PREFIX = "/ops/v1/"
DESKS = {
    "audit": ("audit",),
    "batches": ("batches", "batch_commands", "own_codes"),
    "books": ("books", "vouchers"),
    "exports": ("own_codes",),
    "keys": ("keys", "after_sales"),
    "orders": ("orders", "after_sales", "refunds", "work"),
    "payments": ("desk",),
    "products": ("catalog",),
    "reconciliations": ("reconciliation",),
    "refunds": ("refunds",),
    "skus": ("catalog", "figures", "suppliers"),
    "sources": ("after_sales",),
    "stock": ("figures",),
    "supply": ("supply",),
    "suppliers": ("suppliers",),
    "work": ("work",),
}
"""By the first word of the path behind PREFIX."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    word = str(event.get("rawPath", "")).removeprefix(PREFIX).partition("/")[0]
    desks(*DESKS.get(word, ()))
    return api(event, context)


def desks(*names: str) -> None:
    """Have these desks declare their operations; once each."""
    for name in names:
        import_module(f"functions.operator_api.{name}")
