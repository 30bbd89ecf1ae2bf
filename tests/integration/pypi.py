"""Consumers on PyPI. Where one is not installed, it is not tried."""

import asyncio
import importlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from .ends import Queued, arrived_async, filled_async, loop_of, received
from .standard import TEXT, Writer, each, received_once
from .trial import HANDLE, PINS, YES, Consumer

NUMBERS = b"\x93\x01\x02\x03"               # [1, 2, 3] in MessagePack
CBOR = b"\x83\x01\x02\x03"
REQUEST = b"GET /path HTTP/1.1\r\nHost: zbuf\r\n\r\n"
JSON = b'{"a": [1, 2, 3]}'


def the(module: str) -> Any:
    return importlib.import_module(module)


def unpacked(parts: Any) -> list[Any]:
    unpacker = the("msgpack").Unpacker()
    each(unpacker.feed, parts)
    return list(unpacker)


def h11_received(parts: Any) -> bytes:
    connection = the("h11").Connection(the("h11").SERVER)
    each(connection.receive_data, parts)
    return connection.next_event().target


def h11_sent(data: Any) -> Any:
    h11 = the("h11")
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "zbuf"), ("Content-Length", str(len(data)))]))
    return connection.send_with_data_passthrough(h11.Data(data=data))


class Parsed:
    def __init__(self) -> None:
        self.url = b""

    def on_url(self, url: bytes) -> None:
        self.url += url


def httptools_fed(parts: Any) -> bytes:
    seen = Parsed()
    each(the("httptools").HttpRequestParser(seen).feed_data, parts)
    return seen.url


def updated(hasher: Any, parts: Any) -> bytes:
    each(hasher.update, parts)
    return hasher.digest()


def encryptor() -> Any:
    ciphers = the("cryptography.hazmat.primitives.ciphers")
    return ciphers.Cipher(ciphers.algorithms.AES(b"k" * 16), ciphers.modes.CTR(b"n" * 16)).encryptor()


def update_into(target: Any) -> None:
    # What CTR makes of its own key stream is the text again.
    stream = encryptor().update(bytes(len(TEXT)))
    mixed = bytes(a ^ b for a, b in zip(TEXT, stream))
    encryptor().update_into(mixed, target)


def aead(data: Any) -> bytes:
    cipher = the("cryptography.hazmat.primitives.ciphers.aead").AESGCM(b"k" * 16)
    return cipher.encrypt(b"n" * 12, data, data)


def numpy_filled(target: Any) -> Any:
    made = the("numpy").frombuffer(target, dtype="u1")
    made[:] = the("numpy").frombuffer(TEXT, dtype="u1")
    return made


def trio_between(use: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """Awaits `use` with two of trio's sockets that are connected."""
    trio = the("trio")

    async def main() -> Any:
        near, far = map(trio.socket.from_stdlib_socket, socket.socketpair())
        with near, far:
            return await use(near, far)
    return trio.run(main)


def trio_sent(name: str, argument: Any) -> bytes:
    async def use(near: Any, far: Any) -> bytes:
        await getattr(near, name)(argument)
        return await far.recv(1 << 16)
    return trio_between(use)


def trio_received(name: str, target: Any) -> None:
    async def use(near: Any, far: Any) -> None:
        await far.send(TEXT)
        await getattr(near, name)(target)
    trio_between(use)


def trio_stream(data: Any) -> bytes:
    async def use(near: Any, far: Any) -> bytes:
        await the("trio").SocketStream(near).send_all(data)
        return await far.recv(1 << 16)
    return trio_between(use)


UVLOOP = [
    Consumer("uvloop transport.write", lambda data: arrived_async(loop_of("uvloop"), lambda transport: transport.write(data)),
             lambda parts: arrived_async(loop_of("uvloop"), lambda transport: transport.writelines(parts))),
    Consumer("uvloop transport.writelines", lambda data: arrived_async(loop_of("uvloop"), lambda transport: transport.writelines([data])),
             lambda parts: arrived_async(loop_of("uvloop"), lambda transport: transport.writelines(parts))),
    Consumer("uvloop transport.write, while it waits", lambda data: Queued(loop_of("uvloop"), data), seen=lambda queued: queued.size,
             buf=PINS, view=PINS),
    Consumer("uvloop loop.sock_sendall",
             lambda data: filled_async(loop_of("uvloop"), lambda sock: asyncio.get_running_loop().sock_sendall(sock, data))),
    Writer("uvloop BufferedProtocol.get_buffer", lambda target: received(loop_of("uvloop"), TEXT, target),
           readonly="RuntimeError", composite="RuntimeError", note="an error ends the connection"),
    Writer("uvloop loop.sock_recv_into", lambda target: received_once("uvloop", target)),
]

LIGHT = [
    ("uvloop", UVLOOP),
    ("msgpack", [
        Consumer("msgpack.unpackb", lambda data: the("msgpack").unpackb(data), content=NUMBERS),
        Consumer("msgpack.Unpacker.feed", lambda data: unpacked([data]), unpacked, content=NUMBERS),
        Consumer("msgpack.packb", lambda data: the("msgpack").packb(data), buf="TypeError", composite="TypeError"),
    ]),
    ("h11", [
        Consumer("h11 Connection.receive_data", lambda data: h11_received([data]), h11_received, content=REQUEST, composite="TypeError"),
        Consumer("h11 Connection.send_with_data_passthrough", h11_sent, seen=b"".join, buf=HANDLE, view=PINS, composite="TypeError"),
    ]),
    ("httptools", [Consumer("httptools feed_data", lambda data: httptools_fed([data]), httptools_fed, content=REQUEST)]),
    ("cbor2", [Consumer("cbor2.loads", lambda data: the("cbor2").loads(data), content=CBOR, composite="TypeError")]),
    ("orjson", [Consumer("orjson.loads", lambda data: the("orjson").loads(data), content=JSON, buf="JSONDecodeError", composite="JSONDecodeError")]),
    ("lz4", [
        Consumer("lz4.frame.compress", lambda data: the("lz4.frame").compress(data)),
        Consumer("lz4.block.compress", lambda data: the("lz4.block").compress(data)),
    ]),
    ("zstandard", [
        Consumer("zstandard compress", lambda data: the("zstandard").ZstdCompressor().compress(data)),
        Consumer("zstandard decompress", lambda data: the("zstandard").ZstdDecompressor().decompress(data),
                 content=bytes.fromhex("28b52ffd2004210000616263643f0a")),
    ]),
    ("xxhash", [
        Consumer("xxhash.xxh64", lambda data: the("xxhash").xxh64(data).digest(), lambda parts: updated(the("xxhash").xxh64(), parts)),
    ]),
    ("numpy", [
        Consumer("numpy.frombuffer", lambda data: the("numpy").frombuffer(data, dtype="u1"), seen=lambda made: made.tolist(), buf=PINS, view=PINS),
        Consumer("numpy.asarray", lambda data: the("numpy").asarray(memoryview(data)), seen=lambda made: made.tolist(), buf=PINS, view=PINS),
        Writer("numpy.frombuffer(x)[:] =", numpy_filled, buf=PINS, readonly="ValueError", view=PINS, composite="BufferError"),
    ]),
    ("cryptography", [
        Consumer("cryptography AESGCM.encrypt", aead, composite="TypeError"),
        Consumer("cryptography encryptor.update", lambda data: encryptor().update(data), composite="TypeError"),
        Writer("cryptography encryptor.update_into", update_into),
    ]),
]


def protobuf_bytes(data: Any) -> bytes:
    return the("google.protobuf.wrappers_pb2").BytesValue.FromString(data).value


def protobuf_merged(data: Any) -> bytes:
    made = the("google.protobuf.wrappers_pb2").BytesValue()
    made.MergeFromString(data)
    return made.value


HEAVY = [
    ("trio", [
        Consumer("trio socket.send", lambda data: trio_sent("send", data)),
        Consumer("trio socket.sendmsg", lambda data: trio_sent("sendmsg", [data]), lambda parts: trio_sent("sendmsg", parts)),
        Consumer("trio SocketStream.send_all", trio_stream),
        Writer("trio socket.recv_into", lambda target: trio_received("recv_into", target)),
        Writer("trio socket.recvmsg_into", lambda target: trio_received("recvmsg_into", [target]),
               lambda parts: trio_received("recvmsg_into", parts)),
    ]),
    ("pyarrow", [
        Consumer("pyarrow.py_buffer", lambda data: the("pyarrow").py_buffer(data), seen=lambda made: made.to_pybytes(), buf=PINS, view=PINS),
        Consumer("pyarrow.BufferReader", lambda data: the("pyarrow").BufferReader(data), seen=lambda made: made.read(), buf=PINS, view=PINS),
    ]),
    ("protobuf", [
        Consumer("protobuf FromString", protobuf_bytes, content=b"\x0a\x03abc", buf="TypeError", composite="TypeError"),
        Consumer("protobuf MergeFromString", protobuf_merged, content=b"\x0a\x03abc", buf="TypeError", composite="TypeError"),
    ]),
    ("aiohttp", [
        Consumer("aiohttp web.Response(body=)", lambda data: the("aiohttp.web").Response(body=data).body,
                 seen=lambda body: bytes(getattr(body, "_value", body)), buf="ValueError", view=PINS,
                 composite="ValueError"),
    ]),
    ("starlette", [
        Consumer("starlette Response", lambda data: the("starlette.responses").Response(data).body, buf="AttributeError", view=PINS,
                 composite="AttributeError"),
    ]),
    ("pyzmq", [
        Consumer("zmq.Frame(x)", lambda data: the("zmq").Frame(data), seen=bytes, buf=HANDLE, view=PINS),
        Consumer("zmq.Frame(x, copy=False)", lambda data: the("zmq").Frame(data, copy=False), seen=bytes, buf=HANDLE, view=PINS),
    ]),
    ("msgspec", [
        Consumer("msgspec.json.decode", lambda data: the("msgspec").json.decode(data), content=JSON),
        Consumer("msgspec.msgpack.decode", lambda data: the("msgspec").msgpack.decode(data), content=NUMBERS),
        Consumer("msgspec.json.decode(memoryview(x), type=Raw)",
                 lambda data: the("msgspec").json.decode(memoryview(data), type=the("msgspec").Raw), content=JSON,
                 seen=bytes, buf=PINS, view=PINS, note="never without `memoryview`: `Raw` gives back another `Py_buffer` than it took"),
    ]),
    ("ujson", [Consumer("ujson.loads", lambda data: the("ujson").loads(data), content=JSON, buf="TypeError", view="TypeError",
                        composite="TypeError")]),
    ("brotli", [Consumer("brotli.compress", lambda data: the("brotli").compress(data), composite="TypeError")]),
    ("python-snappy", [Consumer("snappy.compress", lambda data: the("snappy").compress(data), composite="TypeError")]),
    ("blake3", [Consumer("blake3", lambda data: the("blake3").blake3(data).digest())]),
    ("websockets", [
        Consumer("websockets apply_mask", lambda data: the("websockets.speedups").apply_mask(data, b"mask"), buf="TypeError", composite="TypeError"),
    ]),
]
