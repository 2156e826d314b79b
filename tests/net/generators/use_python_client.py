"""Use everything that openapi-python-client has generated from a server's openapi.json.

Arguments: the address of the server, its secret key, the folder with the generated package. Prints one JSON
object: the statuses of all calls by endpoint, and what came over the streams. Runs with the packages of
requirements.txt only.
"""

from __future__ import annotations

import json
import pkgutil
import sys
from importlib import import_module
from io import BytesIO
from typing import Any

address, key, folder = sys.argv[1:]
sys.path.insert(0, folder)

from chateau_client import AuthenticatedClient, Client, models  # noqa: E402
from chateau_client.api import admin as admin_package  # noqa: E402
from chateau_client.api.default import broadcast, get_health, get_readiness, publish, subscribe  # noqa: E402
from chateau_client.types import File  # noqa: E402

anybody = Client(base_url=address)
admin = AuthenticatedClient(base_url=address, token=key)
endpoints = {
    module.name: import_module(f"{admin_package.__name__}.{module.name}")
    for module in pkgutil.iter_modules(admin_package.__path__)
}
statuses: dict[str, int] = {}


def call(name: str, **arguments: Any) -> Any:
    """Call the admin endpoint *name*; return the parsed response."""
    response = endpoints[name].sync_detailed(client=admin, **arguments)
    statuses[name] = response.status_code
    return response.parsed


def act(name: str, **body: str) -> None:
    """Perform the action *name*."""
    model = "".join(word.title() for word in name.split("_")) + "Request"
    call(name, body=getattr(models, model).from_dict(body))


def first_events(client: Client, request: dict[str, Any], count: int, meanwhile: Any = None) -> list[str]:
    """Return the data of the first *count* events of the stream that *request* opens."""
    with client.get_httpx_client().stream(**request) as response:
        statuses[request["url"].removeprefix("/admin/")] = response.status_code
        if meanwhile is not None:
            meanwhile()
        data = (line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: "))
        return [next(data) for _ in range(count)]


def publish_all() -> None:
    for kind, body in ((None, "Hi, älle"), ("json", '{"a" : 1}'), ("bytes", "\0")):
        options = {} if kind is None else {"package_type": models.PublishPackageType(kind)}
        payload = File(payload=BytesIO(body.encode()))
        response = publish.sync_detailed("news", client=anybody, body=payload, **options)
        assert (response.status_code, response.parsed) == (201, "OK"), response
    bulk = models.ChannelsBroadcastRequest.from_dict({"news": [{"text": "bulk"}]})
    assert broadcast.sync_detailed(client=anybody, body=bulk).status_code == 201


assert get_health.sync(client=anybody).status == "alive"
assert get_readiness.sync(client=anybody).reasons == []
published = first_events(anybody, subscribe._get_kwargs("news"), 4, publish_all)

sessions = call("admin_sessions", limit=10).sessions
ids = {session.username: session.id for session in sessions if session.username}
call("admin_rooms")
call("admin_bans")
live = first_events(admin, endpoints["admin_live"]._get_kwargs(limit=5), 3)
tapped = first_events(
    admin,
    endpoints["admin_tap"]._get_kwargs(session=ids["alice"]),
    2,
    lambda: publish.sync("lobby", client=anybody, body=File(payload=BytesIO(b"for alice"))),
)
act("admin_ban", addresses="192.0.2.7")
act("admin_unban", addresses="192.0.2.7")
act("admin_close_room", room="lobby")
act("admin_open_room", room="lobby")
act("admin_lock_room", room="lobby", password="x")
act("admin_ban_from_room", room="lobby", username="bob")
act("admin_unban_from_room", room="lobby", username="bob")
act("admin_delete_room", room="lobby")
act("admin_kick", session=ids["bob"])
act("admin_shutdown", reason="done")

named = {name.removeprefix("admin_").replace("_", "-"): status for name, status in statuses.items()}
called = {name: status for name, status in named.items() if not name.startswith("/channel")}
generated = [name.removeprefix("admin_").replace("_", "-") for name in endpoints]
print(
    json.dumps(
        {"published": published, "live": live, "tapped": tapped, "called": called, "generated": generated}
    )
)
