"""Is the audit trail as it was written? Of one subject, or of all, part by part."""

from collections.abc import Mapping
from functools import cache

from functions.operator_api.access import READ, NotInGroup, allow
from functions.operator_api.app import api, settings
from functions.operator_api.schemas.audit import ProblemOut, VerificationOut, VerifyQuery
from keyrail.platform.audit_verification import AuditVerification, Place, SubjectNotFound
from keyrail.platform.audit_walk import walk, walk_subject
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call
from keyrail.platform.secrets import read_secret


@cache
def verification() -> AuditVerification:
    secret = read_secret(settings().audit_chain_secret_arn)
    return AuditVerification(client("dynamodb"), settings().audit_table, secret, places(), system_now_ms)


def places() -> tuple[Place, ...]:
    """Where the items of every kind of subject stand that the relay puts on record."""
    names = settings()
    return (
        _prefixed("key", names.keys_table, "key_id", "key_"),
        _prefixed("batch", names.keys_table, "key_id", "bat_"),
        _prefixed("export", names.keys_table, "key_id", "exp_"),
        _marked("stock", names.keys_table, "figures"),
        _marked("source", names.keys_table, "source"),
        _prefixed("order", names.orders_table, "order_id", ""),
        _prefixed("payment", names.payments_table, "payment_id", "upm_"),
        _prefixed("voucher", names.payments_table, "payment_id", "vch_"),
        *_of_reconciliation(names.reconciliation_table),
        _ranged("supplier", names.suppliers_table, "supplier", "health"),
        _ranged("balance", names.suppliers_table, "supplier", "watch"),
        _ranged("guard", names.suppliers_table, "sku", "guard"),
        _ranged("purchasing", names.suppliers_table, "sku", "purchasing"),
        _ranged("purchase", names.suppliers_table, "purchase", "purchase"),
        _ranged("budget", names.suppliers_table, "budget", "budget"),
        _ranged("sourcing", names.suppliers_table, "sku", "sourcing"),
        *(_ranged(kind, names.catalog_table, kind, kind) for kind in ("product", "sku", "issuer")),
    )


def _prefixed(kind: str, table: str, attribute: str, prefix: str) -> Place:
    """Items whose id, prefix and all, is their primary key."""

    def id_of(key: Mapping[str, str]) -> str | None:
        return key[attribute] if key[attribute].startswith(prefix) else None

    return Place(kind, table, lambda name: {attribute: name}, id_of)


def _marked(kind: str, table: str, mark: str) -> Place:
    """Items of the keys table whose primary key is a mark and their id."""

    def id_of(key: Mapping[str, str]) -> str | None:
        found, _, name = key["key_id"].partition("#")
        return name if found == mark else None

    return Place(kind, table, lambda name: {"key_id": f"{mark}#{name}"}, id_of)


def _ranged(kind: str, table: str, mark: str, sort_key: str) -> Place:
    """Items whose partition is a mark and their id, where they stand under that sort key."""

    def id_of(key: Mapping[str, str]) -> str | None:
        return key["pk"].removeprefix(f"{mark}#") if key["sk"] == sort_key else None

    return Place(kind, table, lambda name: {"pk": f"{mark}#{name}", "sk": sort_key}, id_of)


def _of_reconciliation(table: str) -> tuple[Place, Place]:
    """A run stands beside its differences, each of which is named by both."""

    def run_of(key: Mapping[str, str]) -> str | None:
        return key["pk"] if key["sk"] == "run" else None

    def difference_of(key: Mapping[str, str]) -> str | None:
        return None if key["sk"] == "run" else f"{key['pk']}/{key['sk']}"

    def difference(name: str) -> dict[str, str]:
        run, _, of_run = name.partition("/")
        return {"pk": run, "sk": of_run}

    return (
        Place("reconciliation", table, lambda name: {"pk": name, "sk": "run"}, run_of),
        Place("difference", table, difference, difference_of),
    )


@api.operation(
    "GET",
    "/ops/v1/audit/verify",
    summary="Whether the audit trail is as it was written: of one subject, or of all, part by part",
    query=VerifyQuery,
    answer=VerificationOut,
    raises=(Invalid, SubjectNotFound, NotInGroup),
)
def verify_audit(call: Call) -> VerificationOut:
    allow(call, READ)
    wanted: VerifyQuery = call.query
    after = decode_cursor(wanted.cursor)
    if wanted.subject is None:
        part = walk(verification(), wanted.limit, after)
    else:
        part = walk_subject(verification(), wanted.subject, wanted.limit, after)
    return VerificationOut(
        subject=wanted.subject,
        subjects=part.subjects,
        records=part.records,
        intact=part.problems == 0,
        pending=part.pending,
        problem_count=part.problems,
        problems=tuple(ProblemOut(subject=s, version=f.version, problem=f.problem) for s, f in part.findings),
        cursor=encode_cursor(part.following),
    )
