"""What functions are given, and how a grant is spelled: action by action, beside the function that needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb

from infra.constructs.alarms import Alarms
from infra.constructs.events import Events
from infra.constructs.function import Function, Platform
from infra.constructs.imports import Imports
from infra.constructs.keys import Keys
from infra.constructs.queues import DeadLetterQueue, Work, WorkQueue
from infra.constructs.secrets import Secrets
from infra.constructs.tables import Tables

API_TIMEOUT_S = 15
API_MEMORY_MB = 1024
"""A function's processor share grows with its memory; a cold start of 1 GB costs less than one of 256 MB."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The resources that functions are given; who gets what is decided below."""

    platform: Platform
    tables: Tables
    keys: Keys
    secrets: Secrets
    imports: Imports
    events: Events
    queues: Mapping[Work, WorkQueue]
    relay_dead_letters: DeadLetterQueue
    public_url: str

    @property
    def alarms(self) -> Alarms:
        return self.platform.alarms


def table(function: Function, of: dynamodb.Table, *actions: str) -> None:
    function.may([f"dynamodb:{action}" for action in actions], of.table_arn)


def query(function: Function, of: dynamodb.Table, *indexes: str) -> None:
    function.may(["dynamodb:Query"], *(f"{of.table_arn}/index/{index}" for index in indexes))


def secret(function: Function, *arns: str) -> None:
    function.may(["secretsmanager:GetSecretValue"], *arns)
