"""Says one thing over a WebSocket and prints the answer."""

import asyncio
import sys

import aiohttp


async def main(url: str, text: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            await socket.send_str(text)
            print(await socket.receive_str(timeout=20))


asyncio.run(main(sys.argv[1], sys.argv[2]))
