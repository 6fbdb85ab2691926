"""The CloudFormation resource under a construct, for what the construct itself does not offer."""

from __future__ import annotations

from typing import TypeVar

from constructs import IConstruct

_Resource = TypeVar("_Resource")


def resource_of(construct: IConstruct, kind: type[_Resource]) -> _Resource:
    child = construct.node.default_child
    if not isinstance(child, kind):
        raise TypeError(f"{construct.node.path} is made of a {type(child).__name__}, not of a {kind.__name__}")
    return child
