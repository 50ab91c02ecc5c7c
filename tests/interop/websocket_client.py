"""WebSocket cases, as a client: `websocket_client.py URL CA CASE..` prints a line for each, `ok CASE` or what was seen.

CA is the certificate that a wss URL is trusted by, and `-` for ws.
"""

import asyncio
import ssl
import sys
import traceback

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode

PATIENCE = 20
LARGE = 16 << 20
URL = sys.argv[1]
TLS = {} if sys.argv[2] == "-" else {"ssl": ssl.create_default_context(cafile=sys.argv[2])}


def to(path, **options):
    return connect(URL + path, max_size=2 * LARGE, ping_interval=None, proxy=None, **TLS, **options)


def same(seen, wanted):
    assert seen == wanted, f"{seen!r:.200}, not {wanted!r:.200}"


async def text_and_binary():
    async with to("/echo") as peer:
        for message in ("hello", "☺ 😈", "", b"\0\xff\r\n", b""):
            await peer.send(message)
            same(await peer.recv(), message)


async def frames_of_every_length():
    async with to("/echo", compression=None) as peer:
        for length in (1, 125, 126, 127, 65_535, 65_536, 70_000):
            await peer.send(b"x" * length)
            same(await peer.recv(), b"x" * length)


async def large_messages():
    for compression in (None, "deflate"):
        async with to("/echo", compression=compression) as peer:
            message = bytes(range(256)) * (LARGE // 256)
            await peer.send(message)
            same(await peer.recv() == message, True)


async def fragments():
    async with to("/fragments", compression=None) as peer:
        pieces = ["some ", "pieces " * 2000, "", "of one"]
        await peer.send(pieces)
        same([piece async for piece in peer.recv_streaming()][:1], ["".join(pieces)[:1000]])


async def pings_and_pongs():
    async with to("/echo") as peer:
        await asyncio.wait_for(await peer.ping(b"mine"), PATIENCE)
    async with to("/ping") as peer:
        same(await peer.recv(), "it is")


async def close_codes_of_the_service():
    for code, reason in ((1000, ""), (1001, "away"), (1011, "broken"), (3000, "three"), (4999, "four")):
        async with to(f"/close/{code}/{reason}") as peer:
            try:
                await peer.recv()
            except ConnectionClosed as end:
                same((end.rcvd.code, end.rcvd.reason), (code, reason))


async def close_codes_of_the_client():
    for code, reason in ((1000, "done"), (1001, ""), (4000, "mine")):
        async with to("/closing") as peer:
            await peer.close(code, reason)
        async with to("/closed") as peer:
            same(await peer.recv(), f"{code} {reason}")


async def both_directions_at_once():
    async with to("/both", compression=None) as peer:

        async def send():
            for number in range(200):
                await peer.send(number.to_bytes(4, "big") * 25_000)

        sending = asyncio.create_task(send())
        for number in range(200):
            same(await peer.recv() == number.to_bytes(4, "big") * 25_000, True)
        await sending
        same(await peer.recv(), "all of them")


async def subprotocols_and_extensions_are_agreed_on():
    async with to("/echo", subprotocols=["unknown", "other"]) as peer:
        same(peer.subprotocol, "other")
        same([extension.name for extension in peer.protocol.extensions], ["permessage-deflate"])


async def a_refusal_is_an_answer():
    try:
        async with to("/refuse"):
            raise AssertionError("it was not refused")
    except InvalidStatus as refused:
        same((refused.response.status_code, refused.response.body), (403, b"not you\n"))


async def a_service_that_breaks_off_is_seen_to():
    async with to("/abort") as peer:
        await peer.send("go")
        try:
            await peer.recv()
        except ConnectionClosed as end:
            same((end.rcvd, peer.close_code), (None, CloseCode.ABNORMAL_CLOSURE))


async def many_at_once():
    async def one(number):
        async with to("/echo") as peer:
            for _ in range(10):
                await peer.send(str(number) * 1000)
                same(await peer.recv(), str(number) * 1000)

    await asyncio.gather(*map(one, range(50)))


async def a_tunnel_goes_on_through_a_drain():
    """Says when it stands, and goes on when it is told to."""
    async with to("/echo") as peer:
        await peer.send("before")
        same(await peer.recv(), "before")
        print("streaming", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await peer.send("after")
        same(await peer.recv(), "after")


for name in sys.argv[3:]:
    try:
        asyncio.run(asyncio.wait_for(globals()[name](), PATIENCE))
        print("ok", name, flush=True)
    except BaseException:
        print(name, traceback.format_exc()[-400:].replace("\n", " | "), flush=True)
