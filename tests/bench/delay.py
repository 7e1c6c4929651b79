"""A proxy on loopback that gives a connection the round trip of a distant host."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 65536


class DelayingProxy:
    """Takes connections and passes their bytes on, each way after half a round trip.

    A connection of its own costs a round trip as well, as TCP's handshake does.
    """

    def __init__(self, address: str, port: int, round_trip_s: float) -> None:
        self.port = 0
        self._target = (address, port)
        self._round_trip = round_trip_s
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    def close(self) -> None:
        """Take no connections any more; those that are open end with the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._round_trip)
        there, back = await asyncio.open_connection(*self._target)
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Bytes in their order, each as much later as it came later."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def take() -> None:
            while True:
                try:
                    data = await reader.read(CHUNK)
                except OSError:  # reset: the other side hears of an end
                    data = b""
                waiting.put_nowait((self._loop.time() + self._round_trip / 2, data))
                if not data:
                    return

        taking = asyncio.ensure_future(take())
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(due - self._loop.time())
            if not data:
                break
            writer.write(data)
            await writer.drain()
        await taking
        writer.close()


@contextmanager
def delayed(address: str, port: int, round_trip_ms: float) -> Iterator[DelayingProxy]:
    """A proxy to a listener for the time of the block."""
    proxy = DelayingProxy(address, port, round_trip_ms / 1000)
    try:
        yield proxy
    finally:
        proxy.close()
