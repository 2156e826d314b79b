"""The channels peer on aiohttp: POST to publish, ``WebSocketResponse`` to subscribe. ``… PORT [frames]``

It sends as aiohttp's manual has it, with ``send_str`` and ``send_bytes``; with the word ``frames``, with the
lower ``send_frame``, which takes bytes that are encoded already. It does what Chateau's channels do, and no
more: a package is checked and sent to all subscribers of its channel.
"""

import sys

import orjson
from aiohttp import WSMsgType, web

SENDS_FRAMES = sys.argv[2:] == ["frames"]

channels: dict[str, set[web.WebSocketResponse]] = {}


def channel_name(request: web.Request) -> str:
    return request.match_info["name"].strip().lower().replace("_", ":")


async def publish(request: web.Request) -> web.Response:
    kind = request.headers.get("Package-Type", "text").lower()
    body = await request.read()
    text = ""
    try:
        if kind == "json":
            orjson.loads(body)
        if kind in ("json", "text"):
            text = body.decode()
        elif kind != "bytes":
            return response("Bad request", 400)
    except ValueError:
        return response("Bad request", 400)
    subscribers = list(channels.get(channel_name(request), ()))
    if SENDS_FRAMES:
        frame = WSMsgType.BINARY if kind == "bytes" else WSMsgType.TEXT
        for subscriber in subscribers:
            await subscriber.send_frame(body, frame)
    elif kind == "bytes":
        for subscriber in subscribers:
            await subscriber.send_bytes(body)
    else:
        for subscriber in subscribers:
            await subscriber.send_str(text)
    return response("OK", 201, {"X-Delivered": str(len(subscribers))})


def response(text: str, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(text), status=status, headers=headers, content_type="application/json"
    )


async def subscribe(request: web.Request) -> web.WebSocketResponse:
    connection = web.WebSocketResponse()
    await connection.prepare(request)
    subscribers = channels.setdefault(channel_name(request), set())
    subscribers.add(connection)
    try:
        async for frame in connection:
            if frame.type is WSMsgType.TEXT and frame.data == "close":
                await connection.close()
    finally:
        subscribers.discard(connection)
    return connection


def main(port: int) -> None:
    application = web.Application()
    application.router.add_post("/channel/{name}/", publish)
    application.router.add_get("/channel/{name}/", subscribe)
    web.run_app(application, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
