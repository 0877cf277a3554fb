"""An aiohttp WebSocket client: sends messages of many sizes, expects each one back."""

import asyncio
import json
import sys

import aiohttp

MESSAGES = ["hello", "", "é" * 1000, b"\x00\xff" * 100_000, b"x" * 3_000_000]


async def main(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, max_msg_size=16 * 1024 * 1024, timeout=aiohttp.ClientWSTimeout(ws_receive=20)) as socket:
            await socket.ping(b"are you there")
            for message in MESSAGES:
                if isinstance(message, str):
                    await socket.send_str(message)
                    answer = await socket.receive_str()
                else:
                    await socket.send_bytes(message)
                    answer = await socket.receive_bytes()
                if answer != message:
                    sys.exit(f"{message[:20]!r} came back as {answer[:20]!r}")
            await socket.close()
            print(json.dumps({"echoed": len(MESSAGES), "close_code": socket.close_code}))


asyncio.run(main(sys.argv[1]))
