"""How a finding of cdk-nag is accepted: on the resource it is about, with the reason, never for a whole stack."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, rule: str, reason: str) -> None:
    Validations.of(resource).acknowledge(Acknowledgment(id=rule, reason=reason))
