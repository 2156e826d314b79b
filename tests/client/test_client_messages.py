"""Finding and reading message files, and the files that come with the project."""

import json
from pathlib import Path

import pytest
from client_process import CHECKOUT
from jsonschema import Draft202012Validator
from referencing import Registry

from chateau.client import messages
from chateau.client.messages import MessageError
from chateau.client.protocols import schemas_folder, vocabulary

SCHEMAS = schemas_folder() / "chateau"
SHIPPED = [
    CHECKOUT / "messages" / "message.json",
    *sorted((CHECKOUT / "messages" / "chateau").glob("*.json")),
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_message_file_matches_the_schema_of_its_request(file: Path) -> None:
    request = messages.read(str(file)).value
    schemas = [json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")]
    registry = Registry().with_contents((schema["$id"], schema) for schema in schemas)
    schema = json.loads((SCHEMAS / f"{vocabulary().requests[request['type']]}-request.json").read_text())

    Draft202012Validator(schema, registry=registry).validate(request)


def test_there_is_a_message_file_for_every_type_named_after_it() -> None:
    for number, word in vocabulary().requests.items():
        assert messages.read(f"chateau/{word}.json").value["type"] == number


def test_message_json_is_the_message_file_of_its_type() -> None:
    assert messages.read("message.json").text == messages.read("chateau/message.json").text


@pytest.mark.parametrize("name", ["register", "register.json", "chateau/register", "chateau/register.json"])
def test_a_name_is_found_in_messages_with_or_without_folder_and_ending(name: str) -> None:
    assert messages.find(name) == CHECKOUT / "messages" / "chateau" / "register.json"


@pytest.mark.parametrize("name", ["register", "register.json"])
def test_file_in_the_current_folder_is_found_first(name: str) -> None:
    Path(name).write_text("{}")

    assert messages.find("register") == Path(name)


def test_messages_in_the_current_folder_precede_those_of_the_checkout() -> None:
    Path("messages").mkdir()
    Path("messages/register.json").write_text("{}")

    assert messages.find("register") == Path("messages/register.json")


def test_folder_is_not_a_message() -> None:
    Path("register").mkdir()

    assert messages.find("register").name == "register.json"


@pytest.mark.parametrize("name", ["nowhere", "~nobody-here/x", "x" * 5000, "nul\0", ".", "..", "/"])
def test_unknown_name_is_an_error(name: str) -> None:
    with pytest.raises(MessageError, match="no such file"):
        messages.find(name)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "line 1, column 1: not JSON: Expecting value"),
        (b"  \n ", "line 2, column 2: not JSON: Expecting value"),
        (b'{"a": 1,\n "b" 2}', "line 2, column 6: not JSON: Expecting ':' delimiter"),
        (b'{"a": 1} x', "line 1, column 10: not JSON: Extra data"),
        (b'{"NaN": "NaN \\" NaN",\n "b": NaN}', "line 2, column 7: not JSON: NaN is not JSON"),
        (b"[-Infinity]", "line 1, column 2: not JSON: -Infinity is not JSON"),
        (b'{\n"\xc3\xa9\xc3\xa9\xff"}', "line 2, column 4: not UTF-8"),
        (b"[" * 200_000, "line 1, column 1: not JSON: Nested too deeply"),
        (b"1" * 5000, "line 1, column 1: not JSON: Exceeds the limit"),
    ],
)
def test_invalid_json_is_reported_with_line_and_column(content: bytes, place: str) -> None:
    Path("bad.json").write_bytes(content)

    with pytest.raises(MessageError) as caught:
        messages.read("bad.json")

    assert str(caught.value).startswith(f"bad.json, {place}")


def test_any_json_can_be_sent() -> None:
    Path("null.json").write_text(" null\n")

    assert messages.read("null.json") == messages.Message("null.json", "null", None)
