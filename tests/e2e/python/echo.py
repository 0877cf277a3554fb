"""An aiohttp server for the end-to-end tests: it says who it is and what it received."""

import argparse
import asyncio
import hashlib

from aiohttp import WSMsgType, web

NAME = web.AppKey("name", str)


def make_pattern(length: int = 65_521) -> bytes:
    """The same bytes as tests/e2e/harness/content.rs."""
    state, pattern = 1, bytearray()
    for _ in range(length):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        pattern.append(state >> 24)
    return bytes(pattern)


PATTERN = make_pattern()


async def name(request: web.Request) -> web.Response:
    return web.Response(text=request.app[NAME])


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query.get("seconds", "0.2")))
    return web.Response(text=request.app[NAME])


async def status(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["code"]), text=request.app[NAME])


async def headers(request: web.Request) -> web.Response:
    return web.json_response([[key, value] for key, value in request.headers.items()])


async def upload(request: web.Request) -> web.Response:
    digest, length = hashlib.sha256(), 0
    async for piece in request.content.iter_any():
        digest.update(piece)
        length += len(piece)
    return web.json_response(
        {
            "name": request.app[NAME],
            "bytes": length,
            "sha256": digest.hexdigest(),
            "transfer_encoding": request.headers.get("Transfer-Encoding"),
            "content_length": request.headers.get("Content-Length"),
        }
    )


async def download(request: web.Request) -> web.StreamResponse:
    left = int(request.query["bytes"])
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    while left > 0:
        piece = PATTERN[:left]
        await response.write(piece)
        left -= len(piece)
    await response.write_eof()
    return response


async def websocket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=16 * 1024 * 1024)
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    options = parser.parse_args()
    app = web.Application(client_max_size=2**40)
    app[NAME] = options.name
    app.router.add_get("/", name)
    app.router.add_get("/slow", slow)
    app.router.add_route("*", "/status/{code}", status)
    app.router.add_get("/headers", headers)
    app.router.add_post("/upload", upload)
    app.router.add_get("/download", download)
    app.router.add_get("/ws", websocket)
    web.run_app(app, host="127.0.0.1", port=options.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
