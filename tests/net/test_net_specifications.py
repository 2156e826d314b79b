"""openapi.json and asyncapi.json: complete, correct, and valid for external validators."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from node_packages import CACHE, node_with
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT7, DRAFT202012

from chateau.protocols.catalog import ALL
from chateau.protocols.schemas import schemas_folder
from chateau.protocols.spec import ProtocolSpec
from chateau.reference.asyncapi import UNWRITTEN, asyncapi, servers
from chateau.reference.openapi import openapi

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer
    from raw_client import Response

NPM = CACHE / "npm"
PARSER = NPM / "node_modules" / "@asyncapi" / "parser"
SPECIFICATION = NPM / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
PARSE_SECONDS = 60

PARSE = """
const { Parser } = require(process.argv[1]);
const source = require("fs").readFileSync(0, "utf8");
new Parser().parse(source).then(({ document, diagnostics }) => {
  const said = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path }));
  console.log(JSON.stringify({ parsed: document !== undefined, diagnostics: said }));
});
"""
ERROR, WARNING = 0, 1  # severities; higher ones are hints

FOLDER = schemas_folder()
SCHEMAS = {
    path.relative_to(FOLDER).with_suffix("").as_posix(): json.loads(path.read_text("utf-8"))
    for path in sorted(FOLDER.rglob("*.json"))
}
FILES = [
    path
    for path in SCHEMAS
    if re.match("(chateau|functions|opcodes|channels)/", path) and "/common" not in path
]

ASYNCAPI = asyncapi(ALL, SCHEMAS, "") | {"servers": servers("http", "localhost:8888", "")}
OPENAPI = openapi(SCHEMAS)
MESSAGES: dict[str, Any] = ASYNCAPI["components"]["messages"]

NEWER_KEYWORDS = {
    "$anchor", "$dynamicRef", "$recursiveRef", "dependentRequired", "dependentSchemas", "maxContains",
    "minContains", "prefixItems", "unevaluatedItems", "unevaluatedProperties",
}  # fmt: skip
"""What draft 2020-12 has and AsyncAPI's own kind of schema, draft 7 and more, has not."""

live = pytest.mark.gen_test(timeout=20)
every_prefix = pytest.mark.parametrize("prefix", ["", "/chat", "/a/b.c"])


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> str:
    """One transport, unless a test sets others."""
    name: str = getattr(request, "param", "fast")
    return name


def references(value: Any) -> Iterator[str]:
    """Yield every reference in *value*."""
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)


def target(document: Any, reference: str) -> Any:
    """Return the target of *reference* in *document*."""
    assert reference.startswith("#/")
    for step in reference[2:].split("/"):
        document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


def keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield every keyword of *schema* and of its subschemas."""
    if isinstance(schema, list):
        for inner in schema:
            yield from keywords(inner)
    elif isinstance(schema, dict):
        for keyword, value in schema.items():
            yield keyword, schema
            if keyword == "properties":
                yield from keywords(list(value.values()))
            elif keyword not in ("const", "default", "enum", "examples"):
                yield from keywords(value)


def validators(document: Any, reference: str) -> list[Any]:
    """Return a validator of the schema at *reference* for each of the two drafts."""
    return [
        validator(
            {"$ref": f"urn:document{reference}"},
            registry=Registry().with_resource("urn:document", draft.create_resource(document)),
        )
        for validator, draft in ((Draft7Validator, DRAFT7), (Draft202012Validator, DRAFT202012))
    ]


async def document(harness: LiveServer, path: str) -> Any:
    """Return the JSON document at *path*."""
    response = await (await harness.connect()).get(path)
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    return json.loads(response.body)


# Served


@live
@every_prefix
@pytest.mark.parametrize("transport", ["fast", "tls"], indirect=True)
async def test_both_documents_are_served_with_the_server_url(open_server: OpenServer, prefix: str) -> None:
    harness = open_server(url_prefix=prefix)
    secure = "" if harness.tls is None else "s"
    host = f"localhost:{harness.port}"
    path = {"pathname": prefix} if prefix else {}

    events = await document(harness, f"{prefix}/asyncapi.json")
    requests = await document(harness, f"{prefix}/openapi.json")

    assert events["asyncapi"] == "3.0.0"
    assert events["servers"] == {
        "websocket": {"host": host, **path, "protocol": f"ws{secure}"},
        "http": {"host": host, **path, "protocol": f"http{secure}"},
    }
    assert requests["openapi"] == "3.1.0"
    assert requests["servers"] == [{"url": f"http{secure}://{host}{prefix}"}]


@live
async def test_both_documents_equal_the_files_in_the_schemas_folder(harness: LiveServer) -> None:
    events = await document(harness, "/asyncapi.json")
    requests = await document(harness, "/openapi.json")

    assert events["components"] == ASYNCAPI["components"]
    assert events["operations"] == ASYNCAPI["operations"]
    assert requests["paths"] == OPENAPI["paths"]


@live
async def test_both_documents_are_served_only_under_the_prefix(open_server: OpenServer) -> None:
    harness = open_server(url_prefix="/chat")

    for path in ("/asyncapi.json", "/openapi.json", "/chat/asyncapiXjson", "/chat/openapi.json//"):
        assert (await (await harness.connect()).get(path)).status == 404


@live
async def test_documents_have_the_requested_host(open_server: OpenServer) -> None:
    harness = open_server(allow_host=("chat.example.org",))
    for host in ("chat.example.org", "[::1]:8888"):
        response = await (await harness.connect()).get("/asyncapi.json", Host=host)
        assert json.loads(response.body)["servers"]["websocket"]["host"] == host


@live
async def test_documents_contain_no_secrets(open_server: OpenServer) -> None:
    harness = open_server(secret_key="a-very-secret-key", pwd="a-very-secret-password")
    client = await harness.connect()

    for path in ("/asyncapi.json", "/openapi.json"):
        assert b"a-very-secret" not in (await client.get(path)).body


@live
@every_prefix
async def test_every_websocket_address_is_an_endpoint(open_server: OpenServer, prefix: str) -> None:
    harness = open_server(url_prefix=prefix)
    events = await document(harness, f"{prefix}/asyncapi.json")
    addresses = [
        channel["address"] for channel in events["channels"].values() if "ws" in channel.get("bindings", {})
    ]

    assert sorted(addresses) == ["/", "/channel/{name}/", "/functions", "/opcodes", "/ws"]
    for address in addresses:
        await harness.client(path=prefix + address.replace("{name}", "news"))


@live
@pytest.mark.parametrize("prefix", ["", "/chat"])
async def test_every_http_operation_responds_as_specified(open_server: OpenServer, prefix: str) -> None:
    harness = open_server(url_prefix=prefix)
    requests = await document(harness, f"{prefix}/openapi.json")
    base = urlsplit(requests["servers"][0]["url"]).path

    open_to_all = {path: item for path, item in requests["paths"].items() if not path.startswith("/admin/")}
    for path, item in open_to_all.items():  # test_net_admin_specification requests the others
        for method in item.keys() & {"get", "post"}:
            for address in addresses_of(path, item, item[method]):
                response = await asked(harness, method, base + address)
                assert str(response.status) in item[method]["responses"], f"{method} {address}"
                assert response.status < 400, f"{method} {address}"


def addresses_of(path: str, item: Any, operation: Any) -> list[str]:
    """Return *path* with each of the example values of its parameters."""
    for parameter in [*item.get("parameters", []), *operation.get("parameters", [])]:
        if parameter.get("in") == "path":
            schema = parameter["schema"]
            values = schema.get("enum") or schema["examples"]
            return [path.replace(f"{{{parameter['name']}}}", value) for value in values]
    return [path]


async def asked(harness: LiveServer, method: str, path: str) -> Response:
    """Return the response to a request with a body valid for its path, if any."""
    client = await harness.connect()
    request = client.request(path, Accept="text/event-stream")
    if method == "post":
        body = b'{"type": 9}' if path.endswith("/renderings") else b"{}"
        head = client.request(path, Content_Length=str(len(body)))
        request = head.replace(b"GET", b"POST", 1) + body
    client.send(request)
    return await client.response()


# AsyncAPI


@pytest.mark.parametrize("path", FILES)
def test_every_protocol_schema_is_a_message_of_a_channel(path: str) -> None:
    protocol, name = path.split("/")
    message = MESSAGES[f"{protocol}.{name}"]
    reference = f"#/components/messages/{protocol}.{name}"

    assert message["title"] == SCHEMAS[path]["title"]
    assert message["summary"] == SCHEMAS[path]["description"]
    assert message["x-schema"] == f"/schemas/{path}.json"
    assert [example["payload"] for example in message["examples"]] == SCHEMAS[path]["examples"]
    assert any(
        {"$ref": reference} in channel["messages"].values() for channel in ASYNCAPI["channels"].values()
    )


def test_every_message_has_a_protocol_schema_or_is_free_form() -> None:
    written = {path.replace("/", ".") for path in FILES}

    assert MESSAGES.keys() == written | {f"channels.{name}" for name in UNWRITTEN}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_example_matches_its_payload(name: str) -> None:
    for validator in validators(ASYNCAPI, f"#/components/messages/{name}/payload"):
        assert MESSAGES[name]["examples"]
        for example in MESSAGES[name]["examples"]:
            validator.validate(example["payload"])


@pytest.mark.parametrize("path", FILES)
def test_payload_rejects_what_its_schema_rejects(path: str) -> None:
    for validator in validators(ASYNCAPI, f"#/components/messages/{path.replace('/', '.')}/payload"):
        assert not validator.is_valid(17)


def test_payload_refers_to_the_shared_parts() -> None:
    for validator in validators(ASYNCAPI, "#/components/messages/chateau.join-request/payload"):
        assert validator.is_valid({"type": 5, "room": "x" * 64})
        assert not validator.is_valid({"type": 5, "room": "x" * 65})


@pytest.mark.parametrize("document", [ASYNCAPI, OPENAPI], ids=["asyncapi", "openapi"])
def test_every_reference_resolves(document: Any) -> None:
    found = set(references(document))

    assert len(found) > 10
    for reference in found:
        assert target(document, reference) is not None


@pytest.mark.parametrize("name", ASYNCAPI["components"]["schemas"])
def test_schemas_are_equivalent_under_draft_7(name: str) -> None:
    for keyword, schema in keywords(ASYNCAPI["components"]["schemas"][name]):
        assert keyword not in NEWER_KEYWORDS
        assert keyword != "$ref" or len(schema) == 1, "draft 7 ignores what stands beside a $ref"
        assert keyword != "items" or not isinstance(schema["items"], list)


def test_schema_titles_are_unique_type_names() -> None:
    titles = [schema["title"] for schema in ASYNCAPI["components"]["schemas"].values()]

    assert len(set(titles)) == len(titles)
    assert all(title.isidentifier() for title in titles)
    assert {"ChateauErrorResponse", "FunctionsBanIpRequest", "ChannelsCommonPackage"} <= set(titles)


def test_every_message_is_received_sent_or_a_reply() -> None:
    for name, channel in ASYNCAPI["channels"].items():
        names = set()
        for operation in ASYNCAPI["operations"].values():
            if operation["channel"] == {"$ref": f"#/channels/{name}"}:
                messages = [*operation["messages"], *operation.get("reply", {"messages": []})["messages"]]
                names |= {message["$ref"].rpartition("/")[2] for message in messages}
        assert names == channel["messages"].keys()


REPLIES = {
    "chateau.join-request": {"join-response", "error-response"},
    "functions.ban_ip-request": {"ban_ip-response", "error-response"},
    "root.send_message-request": {"send_message-response", "error-response"},
    "opcodes.message-request": {"cache-response", "error-response"},
    "opcodes.cache-request": {"cache-response", "error-response"},
    "opcodes.shutdown-request": {"error-response"},
    "publish.package-request": {
        "published-response", "bad-request-response", "not-authorized-response", "other-response"
    },
    "broadcast.broadcast-request": {
        "published-response", "bad-request-response", "not-authorized-response", "other-response"
    },
}  # fmt: skip


@pytest.mark.parametrize(("operation", "responses"), REPLIES.items(), ids=REPLIES)
def test_every_request_has_its_response_or_an_error_as_reply(operation: str, responses: set[str]) -> None:
    about = ASYNCAPI["operations"][operation]

    assert about["action"] == "receive"
    assert {message["$ref"].rpartition("/")[2] for message in about["reply"]["messages"]} == responses


def test_pushes_and_closes_have_no_reply() -> None:
    for name, operation in ASYNCAPI["operations"].items():
        assert (operation["action"] == "send") == name.endswith("-push")
        assert ("reply" in operation) == (name.endswith("-request") and name != "channel.close-request")


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_endpoint_has_messages_of_its_protocol_only(spec: ProtocolSpec) -> None:
    for endpoint in spec.endpoints:
        for message in ASYNCAPI["channels"].get(endpoint.name, {"messages": {}})["messages"].values():
            assert message["$ref"].startswith(f"#/components/messages/{spec.name}.")


# External validators


def test_openapi_json_is_valid_for_openapi_spec_validator() -> None:
    assert list(OpenAPIV31SpecValidator(OPENAPI).iter_errors()) == []


def test_openapi_spec_validator_rejects_an_invalid_document() -> None:
    broken = OPENAPI | {"paths": {"/channel/{name}/": {"get": {"responses": {}}}}}

    assert list(OpenAPIV31SpecValidator(broken).iter_errors()) != []


@pytest.fixture(scope="module")
def node() -> str:
    """Return Node with the AsyncAPI parser at `PARSER`, installed once into the cache folder."""
    return node_with(NPM, "@asyncapi/parser@3")


def parsed(node: str, document: Any) -> Any:
    """Return the result of the AsyncAPI parser for *document*."""
    done = subprocess.run(
        [node, "-e", PARSE, PARSER],
        input=json.dumps(document),
        check=True,
        capture_output=True,
        text=True,
        timeout=PARSE_SECONDS,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("prefix", ["", "/chat"])
def test_asyncapi_json_is_valid_for_the_asyncapi_parser(node: str, prefix: str) -> None:
    served = asyncapi(ALL, SCHEMAS, prefix) | {"servers": servers("https", "chat.example.org", prefix)}
    result = parsed(node, served)

    assert [names for names in result["diagnostics"] if names["severity"] <= WARNING] == []
    assert result["parsed"]


def test_asyncapi_parser_rejects_an_invalid_document(node: str) -> None:
    message = MESSAGES["chateau.join-request"] | {"payload": {"$ref": "#/components/schemas/none"}}
    components = ASYNCAPI["components"] | {"messages": MESSAGES | {"chateau.join-request": message}}
    result = parsed(node, ASYNCAPI | {"components": components})

    assert any(names["severity"] == ERROR for names in result["diagnostics"])
    assert not result["parsed"]


def test_asyncapi_json_matches_the_published_schema(node: str) -> None:
    published = Draft7Validator(json.loads(SPECIFICATION.read_text("utf-8")))

    assert [error.message[:300] for error in published.iter_errors(ASYNCAPI)] == []
    assert not published.is_valid(ASYNCAPI | {"operations": {"x": {"action": "shout"}}})
