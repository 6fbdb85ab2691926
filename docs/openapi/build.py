"""The OpenAPI 3.1 documents, made from the operations that the functions declare: `make openapi`.

Nothing here describes a field or an error a second time: schemas come from the wire's dataclasses by the same pydantic
adapters that parse and render, and refusals from each operation's `raises` by the same table that the HTTP entry uses.
"""

import importlib
import json
import pkgutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

import keyrail
from docs.openapi.examples import of_operation
from functions.delivery_api.handler import api as delivery
from functions.operator_api.handler import DESKS, desks
from functions.operator_api.handler import api as operator
from functions.payment_webhook.handler import api as payment_callbacks
from functions.redemption_api.handler import api as redemption
from functions.storefront_api.handler import api as storefront
from functions.supplier_webhook.handler import api as supplier_callbacks
from keyrail.payments.service.accounts import PROVIDERS
from keyrail.platform.errors import Invalid, KeyrailError, Unavailable
from keyrail.platform.http import (
    MAX_IDEMPOTENCY_KEY_LENGTH,
    MIN_IDEMPOTENCY_KEY_LENGTH,
    BodyTooLarge,
    HttpApi,
    Operation,
    Problem,
    status_of,
)
from keyrail.platform.money import MAX_AMOUNT_MINOR, MINOR_DIGITS

desks(*(name for names in DESKS.values() for name in names))

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
_REF = "#/components/schemas/{model}"
_PROBLEM = f"{Problem.__module__}.{Problem.__qualname__}".replace(".", "__")

Json = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """One file: the operations of one or more functions behind the same door."""

    title: str
    description: str
    apis: tuple[HttpApi, ...]
    security: Json | None = None
    """The scheme of everything that is guarded; None where the caller signs instead."""
    prefix: str = "/"
    """Of the paths behind this door, where a function is behind several."""

    def operations(self) -> list[Operation]:
        return [operation for api in self.apis for operation in self.of(api)]

    def of(self, api: HttpApi) -> list[Operation]:
        """By path, since desks may be imported in any order."""
        found = [operation for operation in api.operations if operation.path.startswith(self.prefix)]
        return sorted(found, key=lambda operation: (operation.path, operation.method))


BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "The order's `access_token`, as answered when the order was placed.",
}
JWT = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of the stack's Cognito user pool; its groups decide what is allowed.",
}
_SIGNED_LINES = (
    "`v1=` and, in hex, HMAC-SHA-256 under the credential's secret over seven lines, joined by line feeds: `v1`, the "
    "method, the path below the API's address, the query (names and values encoded as RFC 3986 says, sorted by name "
    "and then by value), the timestamp, the nonce, and the SHA-256 of the raw body in hex."
)
SIGNED = {
    "credential": {"type": "apiKey", "in": "header", "name": "Keyrail-Key", "description": "The credential's id."},
    "timestamp": {
        "type": "apiKey",
        "in": "header",
        "name": "Keyrail-Timestamp",
        "description": "Seconds since 1970, at most 300 away from our clock, either way.",
    },
    "nonce": {
        "type": "apiKey",
        "in": "header",
        "name": "Keyrail-Nonce",
        "description": "16 to 64 visible characters, different for each request.",
    },
    "signature": {"type": "apiKey", "in": "header", "name": "Keyrail-Signature", "description": _SIGNED_LINES},
}
"""All four together."""
DOCUMENTS = {
    "storefront": Document(
        "keyrail storefront",
        "What a shop front calls: the shelf, checkout, the order, its keys, and codes that are redeemed. Public; an "
        "order opens to the bearer of its access token, a code to whoever holds it.",
        (storefront, delivery, redemption),
        BEARER,
        "/v1/",
    ),
    "operator": Document(
        "keyrail back office",
        "What operators call: products, SKUs, batches, order look-up, the trace of a key, the desk.",
        (operator,),
        JWT,
    ),
    "partner": Document(
        "keyrail partner",
        "What channel partners and their tills call. Every request is signed with one of the two secrets that a "
        "credential may have; whatever is wrong with a signature, the answer is the same.",
        (redemption,),
        SIGNED,
        "/partner/",
    ),
    "payment-callbacks": Document(
        "keyrail payment callbacks",
        "What payment providers call, each in its own format: the provider signs, keyrail verifies the raw bytes.",
        (payment_callbacks,),
    ),
    "supplier-callbacks": Document(
        "keyrail supplier callbacks",
        "What suppliers call, each in its own format: the supplier signs, keyrail verifies the raw bytes and asks it.",
        (supplier_callbacks,),
    ),
}
# Answered by handlers that say whether what was asked for was there before.
ALSO_ANSWERS = {
    ("POST", "/v1/orders"): (200, "The same order as before: the key and the body were used already"),
    ("POST", "/v1/orders/{order_id}/payments"): (200, "The same attempt as before: this way was started already"),
}
_NAMED_BY_THE_CALLER = "The caller's own name for what it creates: sent again, it leads to the same thing."
_NAMED_BY_AN_OPERATOR = f"{_NAMED_BY_THE_CALLER} Names of different operators never meet."
HEADERS: dict[tuple[str, str], str] = {
    ("/v1/orders", "Idempotency-Key"): (
        f"{_NAMED_BY_THE_CALLER} Whoever sends it with the same body gets the same answer, `access_token` included: it "
        "is as secret as that token. Make it of 128 bits of chance or more (`openssl rand -hex 16`), never of a number "
        "or a time."
    ),
    ("/ops/v1/batches", "Idempotency-Key"): _NAMED_BY_AN_OPERATOR,
    ("/ops/v1/batches/own-codes", "Idempotency-Key"): _NAMED_BY_AN_OPERATOR,
    ("/ops/v1/batches/{batch_id}/exports", "Idempotency-Key"): _NAMED_BY_AN_OPERATOR,
    ("/ops/v1/supply/purchases", "Idempotency-Key"): (
        "Your name for this purchase. Whoever sends it again with the same body gets the same purchase and no second "
        "one; with another body it is refused."
    ),
    ("/ops/v1/orders/{order_id}/refunds", "Idempotency-Key"): (
        "Your name for this refund of the order. Whoever sends it again with the same body gets the same refund and no "
        "second one; with another body it is refused."
    ),
}
HEADER_VALUES: dict[str, Json] = {
    "Idempotency-Key": {"minLength": MIN_IDEMPOTENCY_KEY_LENGTH, "maxLength": MAX_IDEMPOTENCY_KEY_LENGTH}
}
PATH_VALUES: dict[str, Json] = {"provider": {"type": "string", "enum": sorted(PROVIDERS)}}


class WireSchema(GenerateJsonSchema):
    """As the wire is: an answer leaves out what is None, so its optional fields are absent and never null."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the field's name says it
        return False

    def nullable_schema(self, schema: Any) -> Json:
        return (
            self.generate_inner(schema["schema"]) if self.mode == "serialization" else super().nullable_schema(schema)
        )

    def default_schema(self, schema: Any) -> Json:
        if self.mode == "serialization" or schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        described = super().default_schema(schema)
        if isinstance(described.get("default"), dict):
            described["default"] = {name: value for name, value in described["default"].items() if value is not None}
        return described

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001 - pydantic's signature
        if self.mode == "serialization":
            return not _is_nullable(field["schema"])
        return super().field_is_required(field, total)


def _is_nullable(schema: Json) -> bool:
    if schema["type"] == "nullable":
        return True
    return schema["type"] in {"default", "function-plain", "function-wrap"} and _is_nullable(schema["schema"])


def build() -> dict[str, Json]:
    """File name to document, the same on every machine."""
    for module in pkgutil.walk_packages(keyrail.__path__, "keyrail."):
        importlib.import_module(module.name)  # so that every error of the tree is known
    return {f"{name}.json": _document(document) for name, document in DOCUMENTS.items()}


def rendered(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _document(document: Document) -> Json:
    schemas = _Schemas(document.operations())
    paths: dict[str, Json] = {}
    names = [operation.name for operation in document.operations()]
    for api in document.apis:
        for operation in document.of(api):
            described = _operation(operation, document, schemas)
            described["tags"] = [api.title]
            if names.count(operation.name) > 1:
                described["operationId"] += f"_{operation.method.lower()}"
            paths.setdefault(operation.path, {})[operation.method.lower()] = described
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    whole: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": document.title,
            "description": document.description,
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "{api_url}",
                "variables": {
                    "api_url": {
                        "default": "https://api.example.com",
                        "description": "`ApiUrl` of the stack's outputs, or `api_url` of `.local/stack.json`",
                    }
                },
            }
        ],
        "tags": [{"name": api.title} for api in document.apis],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {
                "InternalError": _problem(500, [KeyrailError]),
                "Unavailable": _problem(503, _family(Unavailable)),
                "Throttled": _of_the_gateway("Too many requests; the API's throttle answers, not the function."),
            },
        },
    }
    if document.security:
        signed = document.security is SIGNED
        whole["components"]["securitySchemes"] = SIGNED if signed else {"bearer": document.security}
    return whole


class _Schemas:
    """The schemas of everything that goes in or out, and references to them."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        wanted: dict[tuple[type, JsonSchemaMode], None] = {(Problem, "serialization"): None}
        for operation in operations:
            for cls in (operation.body, operation.query):
                if cls:
                    wanted[cls, "validation"] = None
            if operation.answer:
                wanted[operation.answer, "serialization"] = None
        inputs: list[Any] = [(cls, mode, TypeAdapter(cls)) for cls, mode in wanted]
        by_type, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REF, schema_generator=WireSchema)
        self._by_type = {key: _renamed(schema) for key, schema in by_type.items()}
        self.components = {_short(name): _renamed(schema) for name, schema in sorted(definitions["$defs"].items())}
        if money := self.components.get("Money"):
            # What its constructor checks, which no annotation says; the same both ways.
            money["additionalProperties"] = False
            money["properties"]["amount_minor"] |= {"minimum": 0, "maximum": MAX_AMOUNT_MINOR}
            money["properties"]["currency"] = {"type": "string", "enum": sorted(MINOR_DIGITS)}
        queries = {operation.query for operation in operations if operation.query}
        # A query's fields become parameters of their own.
        self.queries = {query: self.components.pop(query.__name__) for query in queries}

    def of(self, cls: type, mode: JsonSchemaMode) -> Json:
        return self._by_type[cls, mode]


def _renamed(schema: Json) -> Json:
    """With the short names of what it refers to."""
    renamed: Json = json.loads(json.dumps(schema), object_hook=_rename_reference)
    return renamed


def _rename_reference(schema: Json) -> Json:
    if isinstance(reference := schema.get("$ref"), str):
        schema["$ref"] = _REF.format(model=_short(reference.rpartition("/")[2]))
    return schema


def _short(name: str) -> str:
    """`functions__delivery_api__schemas__UnitOut` → `DeliveryUnitOut`: only where two functions have one name."""
    if name.startswith("Money-"):
        return "Money"
    if name == _PROBLEM:
        return Problem.__name__  # whatever else is called so
    parts = name.split("__")
    return name if len(parts) == 1 else parts[1].removesuffix("_api").title().replace("_", "") + parts[-1]


def _operation(operation: Operation, document: Document, schemas: _Schemas) -> Json:
    described: Json = {"operationId": operation.name, "summary": operation.summary}
    described["security"] = _security(operation, document)
    if parameters := [*_path(operation), *_query(operation, schemas), *_headers(operation)]:
        described["parameters"] = parameters
    if operation.body:
        schema = schemas.of(operation.body, "validation")
        content = {"schema": schema}
        if examples := of_operation(f"{operation.method} {operation.path}"):
            content["examples"] = examples
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    described["responses"] = {**_answers(operation, schemas), **_refusals(operation, document)}
    return described


def _security(operation: Operation, document: Document) -> list[Json]:
    if document.security is SIGNED:
        return [{scheme: [] for scheme in SIGNED}]
    return [{"bearer": []}] if document.security and _is_guarded(operation, document) else []


def _is_guarded(operation: Operation, document: Document) -> bool:
    return document.security is JWT or "{order_id}" in operation.path


def _path(operation: Operation) -> list[Json]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": PATH_VALUES.get(name, {"type": "string"})}
        for name in names
    ]


def _query(operation: Operation, schemas: _Schemas) -> list[Json]:
    if not operation.query:
        return []
    component = schemas.queries[operation.query]
    required = component.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _not_null(schema)}
        for name, schema in component["properties"].items()
    ]


def _not_null(schema: Json) -> Json:
    """A query parameter is there or not; it is never null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    return choices[0] if len(choices) == 1 else schema


def _headers(operation: Operation) -> list[Json]:
    return [
        {
            "name": name,
            "in": "header",
            "required": True,
            "description": HEADERS[operation.path, name],
            "schema": {"type": "string", **HEADER_VALUES[name]},
        }
        for name in operation.headers
    ]


def _answers(operation: Operation, schemas: _Schemas) -> Json:
    if operation.answer is None:
        acknowledgement = {"text/plain": {"schema": {"type": "string"}}}
        return {"200": {"description": "Stored: the provider's own acknowledgement", "content": acknowledgement}}
    content = {"application/json": {"schema": schemas.of(operation.answer, "serialization")}}
    answers = {str(operation.status): {"description": operation.summary, "content": content}}
    if also := ALSO_ANSWERS.get((operation.method, operation.path)):
        answers[str(also[0])] = {"description": also[1], "content": content}
    return dict(sorted(answers.items()))


def refused(operation: Operation) -> dict[int, list[type[KeyrailError]]]:
    """By status, what the operation declares, and what the HTTP entry itself refuses before it is called."""
    entry: list[type[KeyrailError]] = []
    if operation.body or operation.query:
        entry.append(Invalid)
    if operation.method != "GET":
        entry.append(BodyTooLarge)
    by_status: dict[int, list[type[KeyrailError]]] = {}
    for error in dict.fromkeys((*operation.raises, *entry)):
        by_status.setdefault(status_of(error), []).append(error)
    return by_status


def _refusals(operation: Operation, document: Document) -> Json:
    declared = refused(operation)
    declared.pop(503, None)  # the family answers for all of its members
    answers = {str(status): _problem(status, errors) for status, errors in declared.items()}
    if document.security is JWT:
        answers["401"] = _of_the_gateway("No valid token; the API's authorizer answers, not the function.")
    if "500" in answers:
        answers["500"] = _problem(500, [KeyrailError, *declared[500]])
    else:
        answers["500"] = {"$ref": "#/components/responses/InternalError"}
    answers["429"] = _also_throttled(answers.get("429"))
    answers["503"] = {"$ref": "#/components/responses/Unavailable"}
    return dict(sorted(answers.items()))


def _also_throttled(declared: Json | None) -> Json:
    """The API's throttle answers in a form of its own; some functions refuse with that status, too."""
    if declared is None:
        return {"$ref": "#/components/responses/Throttled"}
    gateway = _of_the_gateway("")
    said = f"{declared['description']}\n- Or the API's throttle answers, not the function."
    return {"description": said, "content": {**declared["content"], **gateway["content"]}}


def _family(branch: type[KeyrailError]) -> list[type[KeyrailError]]:
    """The branch and every error of the layer below it."""
    found, waiting = [], [branch]
    while waiting:
        error = waiting.pop()
        if error.__module__.startswith("keyrail."):
            found.append(error)
        waiting += error.__subclasses__()
    return sorted(set(found), key=lambda error: error.code)


def _problem(status: int, errors: Sequence[type[KeyrailError]]) -> Json:
    said = {error.code: error for error in errors}
    lines = [
        f"- `{code}` ({error.kind}, {'retry' if error.retryable else 'do not retry'}, charged: {error.charged}): "
        f"{error.title}"
        for code, error in sorted(said.items())
    ]
    narrowed = {"type": "object", "properties": {"status": {"const": status}, "code": {"enum": sorted(said)}}}
    schema = {"allOf": [{"$ref": _REF.format(model="Problem")}, narrowed]}
    return {"description": "\n".join(lines), "content": {"application/problem+json": {"schema": schema}}}


def _of_the_gateway(description: str) -> Json:
    schema = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def main() -> None:
    for name, document in build().items():
        (FOLDER / name).write_text(rendered(document))


if __name__ == "__main__":
    main()
