"""A calendar server that takes its time: each answer leaves after a delay, any number at once.

`python -m benchmarks.slow_origin DELAY HOSTS` prints its port, serves a small calendar on so many
loopback addresses (127.0.0.1, 127.0.0.2, ...) and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from datetime import UTC, datetime, timedelta

from benchmarks.calendars import calendar, event, in_utc

_NEW = b"HTTP/1.1 200 OK\r\nContent-Type: text/calendar\r\nETag: %s\r\nContent-Length: %d\r\n\r\n%s"
_SAME = b"HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n"
_ETAG = b'"the only one"'


def addresses(count: int) -> list[str]:
    return [f"127.0.0.{number}" for number in range(1, count + 1)]


async def serve(delay: float, hosts: list[str]) -> None:
    soon = int((datetime.now(UTC) + timedelta(days=2)).timestamp())
    body = calendar(event(n, in_utc(soon + n * 7200, soon + n * 7200 + 3600)) for n in range(5))
    whole = _NEW % (_ETAG, len(body.encode()), body.encode())

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(delay)
                known = b"if-none-match: " + _ETAG in head.lower()
                writer.write(_SAME % _ETAG if known else whole)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    port = 0
    for host in hosts:
        listener = await asyncio.start_server(answer, host, port, backlog=512)
        port = listener.sockets[0].getsockname()[1]
    print(port, flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    socket.setdefaulttimeout(None)
    asyncio.run(serve(float(sys.argv[1]), addresses(int(sys.argv[2]))))
