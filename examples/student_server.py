"""My server for the networks course: the chateau protocol, types 1, 3 and 4.

pip install websockets precis-i18n python-ulid
python examples/student_server.py --port 8888
"""

import argparse
import asyncio
import json
import signal

from precis_i18n import get_profile
from ulid import ULID
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

TYPES = {1: ("register", {"username"}), 3: ("message", {"clients", "content"}), 4: ("list", set())}
nickname = get_profile("NicknameCaseMapped")
taken = set()  # all normalized names
users = {}  # websocket -> name


class Refused(Exception):
    def __init__(self, code, error, **more):
        self.answer = {"status": 400, "code": code, "error": error, **more}


def compared(name):
    try:
        return nickname.enforce(name)
    except UnicodeEncodeError:
        raise Refused("invalid_name", "This cannot be a name.") from None


def faults(request, keys):
    """The places where the request is wrong."""
    if request.keys() - {"type", "ref"} != keys:
        yield ""
    clients = request.get("clients", [])
    if not isinstance(clients, list) or ("clients" in request and not 1 <= len(clients) <= 1000):
        yield "/clients"
    names = {"/username": request.get("username", "x")} | {f"/clients/{i}": c for i, c in enumerate(clients)}
    yield from (path for path, name in names.items() if not isinstance(name, str) or not 1 <= len(name) <= 32)
    if not isinstance(request.get("content", ""), str):
        yield "/content"
    ref = request.get("ref", 0)
    if type(ref) is not int and not (isinstance(ref, str) and len(ref) <= 64):
        yield "/ref"


def register(websocket, name):
    if websocket in users:
        raise Refused("already_registered", "You have a name already.")
    if name != name.strip():
        raise Refused("invalid_name", "No spaces around a name, please.")
    if compared(name) in taken:
        raise Refused("name_taken", "Somebody else has this name.")
    taken.add(compared(name))
    users[websocket] = name
    return {}


def message(websocket, names, content):
    everybody = {compared(name): other for other, name in users.items()}
    if unknown := [name for name in names if compared(name) not in everybody]:
        raise Refused("unknown_recipient", "Somebody is not here.", unknown=unknown)
    others = [everybody[compared(name)] for name in names]
    ulid = ULID()
    said = {"id": str(ulid), "time": ulid.datetime.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    clients = [users[other] for other in dict.fromkeys(others)]
    push = {"type": 3, "status": 200, "sender": users[websocket], "clients": clients, "content": content}
    for other in others:
        broadcast([other], json.dumps(push | said))
    return said


def perform(websocket, request):
    if type(request.get("type")) is not int or request["type"] not in TYPES:
        raise Refused("unknown_type", "I know the types 1, 3 and 4.")
    name, keys = TYPES[request["type"]]
    for path in faults(request, keys):
        schema = f"/schemas/chateau/{name}-request.json"
        raise Refused("invalid_message", "The request does not match the schema.", path=path, schema=schema)
    if name == "register":
        return register(websocket, request["username"])
    if websocket not in users:
        raise Refused("not_registered", "Register first.")
    if name == "message":
        return message(websocket, request["clients"], request["content"])
    return {"clients": sorted(users.values())}


def answer(websocket, text):
    if isinstance(text, bytes):
        return Refused("binary_frame", "Only text, please.").answer
    try:
        request = json.loads(text)
    except ValueError:
        return Refused("invalid_json", "This is not JSON.").answer
    if not isinstance(request, dict):
        return Refused("not_an_object", "This is no object.").answer
    same = {key: request[key] for key in ("type", "ref") if type(request.get(key)) in (int, str)}
    try:
        return {"status": 200} | perform(websocket, request) | same
    except Refused as refused:
        return refused.answer | same


async def talk(websocket):
    try:
        async for text in websocket:
            await websocket.send(json.dumps(answer(websocket, text)))
    except ConnectionClosed:
        pass  # the finally below does the rest
    finally:
        users.pop(websocket, None)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8888)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with serve(talk, "127.0.0.1", parser.parse_args().port) as server:
        await stopped.wait()
        broadcast(server.connections, '{"type": 0, "status": 503, "event": "shutdown", "reason": null}')
        await asyncio.gather(*(websocket.close(1001, "server shutdown") for websocket in server.connections))


asyncio.run(main())
