"""A WebSocket service; prints its port, and goes on until its standard input ends. The path says what it does."""

import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

LARGE = 16 << 20


async def echo(peer):
    async for message in peer:
        await peer.send(message)


async def fragments(peer):
    """Answers each message in pieces, one frame each."""
    async for message in peer:
        await peer.send([message[at : at + 1000] for at in range(0, len(message), 1000)])


async def ping(peer):
    await (await peer.ping(b"are you there"))
    await peer.send("it is")
    await peer.wait_closed()


async def close(peer):
    """`/close/CODE/REASON`"""
    _, _, code, reason = peer.request.path.split("/")
    await peer.close(int(code), reason)


ends = asyncio.Queue()


async def closing(peer):
    try:
        await peer.recv()
    except ConnectionClosed as end:
        await ends.put(end.rcvd)


async def closed(peer):
    """Tells how the last connection to `/closing` was closed."""
    end = await ends.get()
    await peer.send(f"{end.code} {end.reason}")


async def both(peer):
    """Sends as fast as it can while it receives."""
    async def send():
        for number in range(200):
            await peer.send(number.to_bytes(4, "big") * 25_000)

    sending = asyncio.create_task(send())
    for number in range(200):
        assert await peer.recv() == number.to_bytes(4, "big") * 25_000
    await sending
    await peer.send("all of them")
    await peer.wait_closed()


async def abort(peer):
    await peer.recv()
    peer.transport.abort()


async def handle(peer):
    await globals()[peer.request.path.split("/")[1]](peer)


def refuse(peer, request):
    return peer.respond(403, "not you\n") if request.path == "/refuse" else None


def choose(peer, offered):
    return "other" if "other" in offered else None


async def main():
    limits = dict(max_size=2 * LARGE, ping_interval=None)
    async with serve(handle, "127.0.0.1", 0, process_request=refuse, select_subprotocol=choose, **limits) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
