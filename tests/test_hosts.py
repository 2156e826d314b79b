"""Host names and origins: every spelling of one has the same normalized form."""

from __future__ import annotations

import pytest

from chateau.hosts import is_loopback, is_own_origin, normalized_host, normalized_origin, split_port

HOSTS = {
    "example.org": "example.org",
    "Example.ORG": "example.org",
    "example.org.": "example.org",
    "my_host": "my_host",
    "bücher.example": "xn--bcher-kva.example",
    "BÜCHER.example": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "faß.example": "xn--fa-hia.example",
    "\uff25xample\u3002org": "example.org",
    "127.0.0.1": "127.0.0.1",
    "127.1": "127.0.0.1",
    "0x7f.0.0.1": "127.0.0.1",
    "2130706433": "127.0.0.1",
    "[::1]": "::1",
    "0:0:0:0:0:0:0:1": "::1",
    "[2001:DB8::0007]": "2001:db8::7",
}


@pytest.mark.parametrize(("given", "normalized"), HOSTS.items())
def test_spellings_of_a_host_have_one_form(given: str, normalized: str) -> None:
    assert normalized_host(given) == normalized
    assert normalized_host(normalized) == normalized


@pytest.mark.parametrize(
    "given",
    [
        "",
        ".",
        "a..b",
        "-a.example",
        "a b",
        "a/b",
        "a:80",
        "a@b",
        "*.example.org",
        "ex%61mple.org",
        "300.0.0.1",
        "1.2.3.4.5",
        "[::1",
        "[127.0.0.1]",
        "fe80::1%eth0",
        "a\0",
        "\u202eexample.org",
        "x" * 64,
        "a." * 127 + "example",
        "localhost,evil.example",
    ],
)
def test_text_that_is_no_host_is_rejected(given: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are of several libraries
        normalized_host(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("example.org", ("example.org", None)),
        ("Example.org:8080", ("example.org", 8080)),
        ("[::1]", ("::1", None)),
        ("[::1]:80", ("::1", 80)),
        ("example.org:", ("example.org", None)),
        ("example.org:0080", ("example.org", 80)),
    ],
)
def test_port_is_split_from_a_host(given: str, expected: tuple[str, int | None]) -> None:
    assert split_port(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "::1",
        "::1:80",
        "a:b",
        "a:99999",
        "a:-1",
        "a:80:80",
        "a:\u0663",
        "localhost:80@evil.example",
        "x" * 301,
    ],
)
def test_invalid_port_is_rejected(given: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        split_port(given)


ORIGINS = {
    "https://example.org": "https://example.org",
    "https://example.org/": "https://example.org",
    "HTTPS://Example.ORG": "https://example.org",
    "https://example.org:443": "https://example.org",
    "https://example.org:443/": "https://example.org",
    "http://example.org:80": "http://example.org",
    "http://example.org:443": "http://example.org:443",
    "https://example.org:08443": "https://example.org:8443",
    "https://example.org:": "https://example.org",
    "https://example.org.": "https://example.org",
    "https://bücher.example": "https://xn--bcher-kva.example",
    "https://XN--BCHER-KVA.example/": "https://xn--bcher-kva.example",
    "http://[0:0::1]:8888": "http://[::1]:8888",
    "http://127.1": "http://127.0.0.1",
    "null": "null",
    "NULL": "null",
    "file://": "file://",
    "file:///": "file://",
    "chrome-extension://abcdefgh": "chrome-extension://abcdefgh",
    "capacitor://localhost": "capacitor://localhost",
}


@pytest.mark.parametrize(("given", "normalized"), ORIGINS.items())
def test_spellings_of_an_origin_have_one_form(given: str, normalized: str) -> None:
    assert normalized_origin(given) == normalized
    assert normalized_origin(normalized) == normalized


@pytest.mark.parametrize(
    "given",
    [
        "",
        "example.org",
        "//example.org",
        "https://",
        "https:///",
        "https:example.org",
        "https://example.org/chat",
        "https://example.org?x",
        "https://example.org#x",
        "https://user@example.org",
        "https://*.example.org",
        "https://exa mple.org",
        " https://example.org",
        "https://example.org:99999",
        "https://example.org:port",
        "https://example.org\\",
        "https://::1",
        "https://[::1",
        "ws://example.org",
        "wss://example.org",
        "ftp://example.org",
        "file:///home/x.html",
        "file://server",
        "about:blank",
        "capacitor://",
        "https://a, https://b",
        "https://" + "x." * 150,
    ],
)
def test_origin_that_no_page_has_is_rejected(given: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        normalized_origin(given)


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("http://localhost:8888", "localhost:8888", True),
        ("https://localhost:8888", "LOCALHOST:8888", True),
        ("https://example.org", "example.org", True),
        ("https://example.org", "example.org:443", True),
        ("http://example.org", "example.org:80", True),
        ("https://example.org", "example.org:80", False),
        ("http://[::1]:8888", "[0::1]:8888", True),
        ("http://localhost", "localhost:8888", False),
        ("http://localhost:8888", "", False),
        ("null", "null", False),
        ("file://", "", False),
        ("app://localhost", "localhost", False),
    ],
)
def test_own_origin_is_recognized_by_host_and_port(origin: str, host: str, expected: bool) -> None:
    assert is_own_origin(origin, host) is expected


@pytest.mark.parametrize(
    "host", ["localhost", "app.localhost", "ip6-localhost", "127.0.0.1", "127.8.9.1", "::1", "::ffff:7f00:1"]
)
def test_loopback_hosts_are_recognized(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "localhost.example",
        "notlocalhost",
        "127.0.0.1.example",
        "0.0.0.0",
        "192.0.2.1",
        "::",
        "::ffff:c000:201",
    ],
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
