"""The peers: each connects, does some of what peers do, leaves in one of the ways there are, and connects anew.

    python -m tests.soak.clients PORT FILE CONNECTIONS SECONDS

Prints how often everything was done, as JSON. What comes back is compared
byte for byte; a difference ends it all.
"""

import asyncio
import collections
import json
import random
import resource
import socket
import struct
import sys
import time

RESET = struct.pack("ii", 1, 0)     # SO_LINGER: closing resets the connection
PIECE = 64 << 10


class Peer:
    def __init__(self, number, port, data, counts, end):
        self.random = random.Random(number)
        self.port, self.data, self.counts, self.end = port, data, counts, end
        self.content = self.random.randbytes(4000)

    async def run(self):
        await self.rest(1)     # not all at once
        while time.monotonic() < self.end:
            await self.connect()
            try:
                await self.session()
            except ConnectionError:
                self.counts["cut off"] += 1
            finally:
                self.writer.transport.abort()

    async def connect(self):
        # From many addresses, for a port that was closed rests a minute.
        here = f"127.0.{self.random.randrange(4)}.{self.random.randrange(1, 250)}"
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(here, 0), limit=PIECE)
        self.counts["connections"] += 1

    async def rest(self, most):
        """For as long as `most` seconds, but not beyond the end."""
        await asyncio.sleep(min(self.random.random() * most, max(self.end - time.monotonic(), 0)))

    async def session(self):
        for _ in range(self.random.randrange(1, 30)):
            if time.monotonic() > self.end:
                break
            await self.random.choice([self.echo, self.echo, self.echo, self.large_echo, self.file, self.slow_file])()
            await self.rest(0.5)
        leave = self.random.choice([self.close, self.reset, self.half_close, self.leave_inside_a_frame, self.stall])
        self.counts[leave.__name__] += 1
        await leave()

    # -- what peers do

    async def echo(self):
        """Many small frames, cut anywhere."""
        frames = [self.content[: self.random.randrange(300)] for _ in range(self.random.randrange(1, 20))]
        wire = b"".join(map(echoed, frames))
        cut = self.random.randrange(len(wire))
        self.writer.write(wire[:cut])
        await asyncio.sleep(0)
        self.writer.write(wire[cut:])
        for frame in frames:
            await self.expect(struct.pack(">I", len(frame)) + frame)
        self.counts["echoes"] += len(frames)

    async def large_echo(self):
        frame = self.content * self.random.randrange(1, 50)
        self.writer.write(echoed(frame))
        await self.expect(struct.pack(">I", len(frame)) + frame)
        self.counts["echoes"] += 1

    async def file(self):
        await self.expect(self.ask())
        self.counts["files"] += 1

    async def slow_file(self):
        """Takes a little at a time, and then all."""
        data = self.ask()
        done = 0
        for _ in range(10):
            piece = await self.reader.read(2000)
            self.check(piece, data[done : done + len(piece)])
            done += len(piece)
            await asyncio.sleep(0.02)
            if done == len(data):
                break
        await self.expect(data[done:])
        self.counts["slow files"] += 1

    def ask(self):
        """Ask for a part of the file; its bytes."""
        start = self.random.randrange(len(self.data))
        stop = min(start + 1 + self.random.randrange(1 << self.random.randrange(20)), len(self.data))
        self.writer.write(framed(b"F" + struct.pack(">QQ", start, stop)))
        return self.data[start:stop]

    async def expect(self, data):
        done = 0
        while done < len(data):
            piece = await self.reader.read(min(len(data) - done, PIECE))
            if not piece:
                raise ConnectionError("ended")
            self.check(piece, data[done : done + len(piece)])
            done += len(piece)

    def check(self, piece, expected):
        if piece != expected:
            raise AssertionError(f"{len(piece)} bytes are not those that were expected")

    # -- how peers leave

    async def close(self):
        self.writer.close()

    async def reset(self):
        """With much on its way."""
        self.ask()
        self.ask()
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()

    async def half_close(self):
        """Sends nothing more, and gets all that it asked for, and the end."""
        data = self.ask()
        self.writer.write_eof()
        await self.expect(data)
        assert await self.reader.read() == b""

    async def leave_inside_a_frame(self):
        self.writer.write(echoed(self.content)[:-9])
        await asyncio.sleep(0)

    async def stall(self):
        """Asks for much and takes none of it."""
        self.writer.transport.pause_reading()
        self.writer.write(framed(b"F" + struct.pack(">QQ", 0, len(self.data))) * 10)
        await self.rest(4)


def framed(body):
    return struct.pack(">I", len(body)) + body


def echoed(frame):
    return framed(b"E" + frame)


async def main(port, data, connections, seconds):
    counts = collections.Counter()
    end = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(Peer(number, port, data, counts, end).run())
    return counts


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with open(sys.argv[2], "rb") as file:
        content = file.read()
    print(json.dumps(asyncio.run(main(int(sys.argv[1]), content, int(sys.argv[3]), float(sys.argv[4])))))
