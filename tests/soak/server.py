"""The server: echoes frames, and sends parts of a file.

A frame is a length in 4 bytes, a kind, and what belongs to it: E and bytes
that come back, or F and where a part of the file begins and ends, which come
back as two numbers of 8 bytes.
"""

import asyncio

import zbuf

MOST = 1 << 20      # bytes of a frame
PATIENCE = 3.0      # seconds in which a peer has to take what makes room for more


class Server:
    def __init__(self, path):
        self._file = zbuf.FileRegion.open(path)
        self.connections = 0        # now
        self.served = 0             # in all
        self.frames = 0
        self.stalled = 0            # connections that were ended for taking nothing,
        self.cut_short = 0          # and that ended without us, or inside a frame

    def close(self):
        self._file.release()

    async def serve(self, stream):
        """The handler of one connection."""
        self.connections += 1
        self.served += 1
        decoder = zbuf.codec.LengthFieldDecoder(MOST, width=4, strip=4)
        try:
            while frames := await stream.read_frames(decoder):
                for frame in frames:
                    await self._answer(stream, frame)
        except TimeoutError:
            self.stalled += 1
            stream.abort()
        except (ConnectionError, zbuf.CorruptFrameError):
            self.cut_short += 1
        finally:
            decoder.close()
            self.connections -= 1

    async def _answer(self, stream, frame):
        self.frames += 1
        if frame.read_u8() == ord("E"):
            head = zbuf.buffer(4)
            head.write_u32(len(frame))
            stream.writelines([head, frame])
        else:
            stream.writelines(self._file.ranges([(frame.read_u64(), frame.read_u64())]))
        async with asyncio.timeout(PATIENCE):
            await stream.drain()
