"""The contract by aiohttp, with a page for a browser."""

import sys

import contract
from aiohttp import web


async def small(request):
    return web.Response(text="small")


async def large(request):
    return web.Response(body=contract.LARGE)


async def echo(request):
    return web.Response(body=await request.read())


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(contract.PIECES):
        await response.write(contract.PIECE)
    await response.write_eof()
    return response


async def moved(request):
    return web.Response(status=302, headers={"Location": "/elsewhere"})


async def page(request):
    return web.Response(text=contract.PAGE, content_type="text/html")


async def report(request):
    print(await request.text(), flush=True)
    return web.Response()


async def websocket(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


app = web.Application(client_max_size=4 * 1024 * 1024)
app.router.add_get("/small", small)
app.router.add_get("/large", large)
app.router.add_post("/echo", echo)
app.router.add_get("/stream", stream)
app.router.add_get("/moved", moved)
app.router.add_get("/page", page)
app.router.add_post("/report", report)
app.router.add_get("/ws", websocket)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
