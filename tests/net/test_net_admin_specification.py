"""The admin API in openapi.json: it has every endpoint, and each responds as documented."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from admin_client import KEY, SCHEMA_SET, AdminClient, admin_client, authorization
from reference_validator import reference
from test_net_specifications import ASYNCAPI, OPENAPI

from chateau.net.admin_api import READINGS, STREAMS
from chateau.protocols.admin import ACTIONS

if TYPE_CHECKING:
    from live_harness import OpenServer
    from raw_client import Response

OPERATIONS = {
    path.removeprefix("/admin/"): (method, operation)
    for path, item in OPENAPI["paths"].items()
    if path.startswith("/admin/")
    for method, operation in item.items()
}
QUERIES = {"tap": "?session=0", "live": "?limit=3", "sessions": "?limit=3"}

live = pytest.mark.gen_test(timeout=20)
every_operation = pytest.mark.parametrize("name", OPERATIONS)


@pytest.fixture
def transport() -> str:
    """One transport: the responses do not depend on it."""
    return "fast"


async def asked(client: AdminClient, name: str, key: str | None) -> Response:
    """Return the response to a request that follows the document."""
    if name in ACTIONS:
        client.send(client.posted(name, SCHEMA_SET.schemas[f"{name}-request"]["examples"][0], key=key))
    else:
        client.send(client.request(f"{client.path}{name}{QUERIES.get(name, '')}", **authorization(key)))
    return await client.response()


def test_specification_lists_every_endpoint_and_method() -> None:
    methods = {name: method for name, (method, _) in OPERATIONS.items()}

    assert methods == dict.fromkeys([*READINGS, *STREAMS], "get") | dict.fromkeys(ACTIONS, "post")


@every_operation
def test_every_endpoint_requires_authorization(name: str) -> None:
    assert OPERATIONS[name][1]["security"] == [{"key": []}]
    assert OPENAPI["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


@every_operation
def test_parameters_match_the_query_schema(name: str) -> None:
    schema = SCHEMA_SET.schemas.get(f"{name}-request", {}) if name not in ACTIONS else {}
    parameters = OPERATIONS[name][1].get("parameters", [])

    assert [parameter["name"] for parameter in parameters] == list(schema.get("properties", {}))
    for parameter in parameters:
        assert parameter["required"] == (parameter["name"] in schema.get("required", ()))
        assert parameter["description"].endswith(".")


@live
@every_operation
async def test_every_endpoint_responds_as_specified(open_server: OpenServer, name: str) -> None:
    harness = open_server(secret_key=KEY)
    await harness.member("carol", "lobby", "other")
    responses = OPERATIONS[name][1]["responses"]

    response = await asked(await admin_client(harness), name, KEY)

    assert response.status == (404 if name == "kick" else 200), response  # there is no session 17
    assert str(response.status) in responses
    if response.status == 200:
        assert response.headers["content-type"] in responses["200"]["content"]


@live
@every_operation
async def test_every_endpoint_rejects_as_specified(open_server: OpenServer, name: str) -> None:
    harness = open_server(secret_key=KEY)
    harness.server.hub.access.guesses.waiting_limit = 0  # attempts over the limit are refused
    client, shut = await admin_client(harness), await admin_client(open_server())
    responses = OPERATIONS[name][1]["responses"]

    statuses = [(await asked(client, name, None)).status, (await asked(shut, name, KEY)).status]
    statuses += [(await asked(client, name, "guess")).status for _ in range(6)]

    assert statuses == [401, 403, 401, 401, 401, 401, 401, 429]
    assert {str(status) for status in statuses} <= responses.keys()


@pytest.mark.parametrize("name", STREAMS)
def test_events_of_the_stream_example_match_their_schemas(name: str) -> None:
    example: str = OPERATIONS[name][1]["responses"]["200"]["content"]["text/event-stream"]["example"]

    for block in example.removesuffix("\n\n").split("\n\n"):
        kind, content = block.split("\n")
        push = f"{kind.removeprefix('event: ')}-push"
        reference(SCHEMA_SET, push).validate(json.loads(content.removeprefix("data: ")))


def test_error_responses_have_the_error_schema() -> None:
    errors: dict[str, Any] = {
        name: response
        for name, response in OPENAPI["components"]["responses"].items()
        if name.startswith("Admin")
    }

    assert len(errors) == 9
    for response in errors.values():
        schema = response["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/admin.error-response"}


def test_asyncapi_does_not_describe_the_admin_api() -> None:
    parts = ASYNCAPI["components"]

    assert "/admin/" not in json.dumps(ASYNCAPI)
    assert not [name for kind in ("messages", "schemas") for name in parts[kind] if name.startswith("admin.")]
