"""Rules for the specs of all protocols and for their error catalogs."""

from __future__ import annotations

import re

import pytest
from chateau_harness import Harness
from harness import schema_set

from chateau.protocols import admin_errors
from chateau.protocols.catalog import ALL
from chateau.protocols.error_catalog import ANY, ErrorCatalog
from chateau.protocols.schemas import SchemaSet
from chateau.protocols.spec import ProtocolContext, ProtocolSpec


def each(specs: tuple[ProtocolSpec, ...] = ALL) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("spec", specs, ids=lambda spec: spec.name)


def check_catalog(catalog: ErrorCatalog, schemas: SchemaSet, suffix: str = "") -> None:
    for name, cases in catalog.items():
        example = schemas.schemas.get(name + suffix, {}).get("examples", [None])[0]
        for case in cases:
            error = case.make_error(example if case.sent is None else case.sent, schemas)
            assert re.fullmatch("[a-z_]+", error.code)
            assert str(error)


@each(tuple(spec for spec in ALL if spec.name != "channels"))
def test_error_catalog_has_an_entry_for_each_request(spec: ProtocolSpec) -> None:
    catalog = spec.load_errors()

    assert {ANY, *spec.requests} <= catalog.keys()
    check_catalog(catalog, schema_set(spec.name))


def test_error_catalogs_of_publishing_and_the_admin_api_produce_errors() -> None:
    channels = next(spec for spec in ALL if spec.name == "channels")

    check_catalog(channels.load_errors(), schema_set("channels"))
    check_catalog(admin_errors.ERRORS, schema_set("admin"), "-request")


@each()
def test_event_without_a_push_is_not_sent(spec: ProtocolSpec) -> None:
    server = Harness("alice")
    sent: list[bytes] = []
    context = ProtocolContext(
        hub=server.hub,
        schemas=schema_set(spec.name),
        broadcast=lambda payload, outboxes: sent.append(payload),
        clock=server.clock,
    )

    spec.make(context).deliver(object(), [])

    assert sent == []


@each()
def test_every_request_with_a_schema_has_a_file(spec: ProtocolSpec) -> None:
    files = {path.stem for path in spec.schemas.glob("*.json")}

    assert all(name in files for name in spec.requests if name.endswith("-request"))
