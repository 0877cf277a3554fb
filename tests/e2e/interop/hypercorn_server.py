"""The contract by hypercorn, over HTTP/2 in the clear and over TLS: PORT TLS_PORT CERT KEY."""

import asyncio
import sys

import contract
from hypercorn.asyncio import serve
from hypercorn.config import Config


async def body_of(receive):
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def websocket(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def answer(send, body, status=200, headers=()):
    headers = [(b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def stream(send, trailers=False):
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": trailers})
    for _ in range(contract.PIECES):
        await send({"type": "http.response.body", "body": contract.PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    if trailers:
        fields = [tuple(text.encode() for text in contract.TRAILER)]
        await send({"type": "http.response.trailers", "headers": fields})


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        return await websocket(receive, send)
    if scope["type"] != "http":
        return None
    match scope["path"]:
        case "/small":
            await answer(send, b"small")
        case "/large":
            await answer(send, contract.LARGE)
        case "/echo":
            await answer(send, await body_of(receive))
        case "/stream":
            await stream(send)
        case "/trailers":
            await stream(send, trailers=True)
        case "/moved":
            await answer(send, b"", 302, [(b"location", b"/elsewhere")])
        case _:
            await answer(send, b"not here", 404)


port, tls_port, cert, key = sys.argv[1:]
config = Config()
config.insecure_bind = [f"127.0.0.1:{port}"]
config.bind = [f"127.0.0.1:{tls_port}"]
config.certfile, config.keyfile = cert, key
config.alpn_protocols = ["h2"]
asyncio.run(serve(app, config))
