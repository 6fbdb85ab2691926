"""A synthesised template, asked in the words of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    name: str
    properties: dict[str, Any]
    raw: dict[str, Any]


@dataclass(frozen=True)
class Statement:
    actions: frozenset[str]
    resources: tuple[Any, ...]


@dataclass(frozen=True)
class Template:
    document: dict[str, Any]

    def all(self, kind: str) -> list[Resource]:
        found = [
            Resource(name, resource.get("Properties", {}), resource)
            for name, resource in self.document["Resources"].items()
            if resource["Type"] == kind
        ]
        assert found, f"the template has no {kind}"
        return found

    def functions(self) -> dict[str, Resource]:
        return {
            function.properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: function
            for function in self.all("AWS::Lambda::Function")
        }

    def role_of(self, function: Resource) -> str:
        return str(function.properties["Role"]["Fn::GetAtt"][0])

    def statements_of(self, function: Resource) -> Iterator[Statement]:
        role = self.role_of(function)
        for policy in self.all("AWS::IAM::Policy"):
            if {"Ref": role} in policy.properties["Roles"]:
                for statement in policy.properties["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    yield Statement(frozenset(as_list(statement["Action"])), tuple(as_list(statement["Resource"])))

    def key(self, purpose: str) -> Resource:
        (key,) = [key for key in self.all("AWS::KMS::Key") if key.name.startswith(f"Keys{purpose}")]
        return key


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def target_of(arn: Any) -> str:
    """The logical name that an ARN in a policy leads to, with what follows it: `TablesKeys6B5A/index/claimable`."""
    if isinstance(arn, str):
        return arn
    if "Fn::GetAtt" in arn:
        return str(arn["Fn::GetAtt"][0])
    if "Ref" in arn:
        return str(arn["Ref"])
    return "".join(part if isinstance(part, str) else target_of(part) for part in arn["Fn::Join"][1])
