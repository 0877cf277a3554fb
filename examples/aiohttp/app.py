"""One of several equal servers: python app.py PORT"""

import sys

from aiohttp import WSMsgType, web

PORT = int(sys.argv[1])


async def hello(request):
    return web.Response(text=f"hello from {PORT}\n")


async def echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(f"{PORT} heard {message.data}")
    return socket


app = web.Application()
app.add_routes([web.get("/", hello), web.get("/ws", echo)])
web.run_app(app, host="127.0.0.1", port=PORT)
