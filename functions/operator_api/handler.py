"""`/ops/v1`: a module for each desk of the back office declares its operations on the one API."""

from functions.operator_api import (
    after_sales,
    audit,
    batch_commands,
    batches,
    catalog,
    desk,
    figures,
    keys,
    orders,
    own_codes,
)
from functions.operator_api.app import Settings, api

__all__ = [
    "Settings",
    "after_sales",
    "api",
    "audit",
    "batch_commands",
    "batches",
    "catalog",
    "desk",
    "figures",
    "handler",
    "keys",
    "orders",
    "own_codes",
]

handler = api
