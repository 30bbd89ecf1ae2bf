"""Consumers in Python's standard library."""

import array
import asyncio
import base64
import binascii
import bz2
import codecs
import ctypes
import hashlib
import hmac
import io
import json
import lzma
import marshal
import mmap
import multiprocessing
import os
import pickle
import re
import socket
import ssl
import struct
import subprocess
import tempfile
import urllib.parse
import uuid
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from .ends import Queued, arrived, arrived_async, filled, filled_async, loop_of, received, run, through_a_file, through_a_pipe
from .trial import HANDLE, PINS, YES, Consumer

TEXT = b"sixteen bytes..."
Writer = partial(Consumer, writes=TEXT, readonly="TypeError", composite="TypeError")


def each(feed: Callable[[Any], Any], parts: list[memoryview]) -> None:
    for part in parts:
        feed(part)


def digest(parts: list[memoryview]) -> bytes:
    made = hashlib.sha256()
    each(made.update, parts)
    return made.digest()


def mac(parts: list[memoryview]) -> bytes:
    made = hmac.new(b"key", digestmod="sha256")
    each(made.update, parts)
    return made.digest()


def compressed(compressor: Any, parts: list[memoryview]) -> bytes:
    return b"".join([compressor.compress(part) for part in parts]) + compressor.flush()


def crc(parts: list[memoryview]) -> int:
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value


def decoded(parts: list[memoryview]) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    return "".join([decoder.decode(part) for part in parts])


def memory_bio(parts: Any) -> bytes:
    bio = ssl.MemoryBIO()
    each(bio.write, parts)
    return bio.read()


def extended(data: Any) -> bytes:
    made = bytearray()
    made += data
    return bytes(made)


def grown(parts: list[memoryview]) -> bytes:
    made = bytearray()
    each(made.extend, parts)
    return bytes(made)


def assigned(data: Any) -> bytes:
    made = bytearray(b"<>")
    made[1:1] = data
    return bytes(made)


def copied_into(data: Any) -> bytes:
    target = bytearray(len(data))
    memoryview(target)[:] = data
    return bytes(target)


def mapped(data: Any) -> bytes:
    with mmap.mmap(-1, 4096) as target:
        target.write(data)
        return target[: len(data)]


def connection(data: Any) -> bytes:
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        ours.send_bytes(data)
        return theirs.recv_bytes()


def connection_into(target: Any) -> None:
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        ours.send_bytes(TEXT)
        theirs.recv_bytes_into(target)


def array_of(data: Any) -> bytes:
    made = array.array("B")
    made.frombytes(data)
    return made.tobytes()


def file_into(target: Any, buffering: int) -> None:
    with tempfile.TemporaryFile(buffering=buffering) as file:
        file.write(TEXT)
        file.seek(0)
        file.readinto(target)


def pread_into(targets: Any) -> None:
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(TEXT)
        os.preadv(file.fileno(), targets, 0)


def pipe_into(targets: Any) -> None:
    out, into = os.pipe()
    os.write(into, TEXT)
    os.readv(out, targets)
    os.close(out)
    os.close(into)


def from_buffer(target: Any) -> Any:
    made = (ctypes.c_char * len(TEXT)).from_buffer(target)
    made[:] = TEXT
    return made


def slice_assigned(target: Any) -> None:
    memoryview(target)[:] = TEXT


async def stream_write(sock: socket.socket, data: Any) -> None:
    _, writer = await asyncio.open_connection(sock=sock)
    try:
        writer.write(data)
        await writer.drain()
    finally:
        writer.close()
        await writer.wait_closed()


def received_once(loop: str, target: Any) -> None:
    async def main(sock: socket.socket) -> None:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_recv_into(sock, target)
    filled(TEXT, lambda sock: run(loop_of(loop), main(sock)))


OUTPUT = [
    Consumer("socket.send", lambda data: arrived(lambda sock: sock.send(data)),
             lambda parts: arrived(lambda sock: each(sock.send, parts))),
    Consumer("socket.sendall", lambda data: arrived(lambda sock: sock.sendall(data)),
             lambda parts: arrived(lambda sock: each(sock.sendall, parts))),
    Consumer("socket.sendmsg", lambda data: arrived(lambda sock: sock.sendmsg([data])),
             lambda parts: arrived(lambda sock: sock.sendmsg(parts))),
    Consumer("os.write", lambda data: through_a_pipe(lambda end: os.write(end, data)),
             lambda parts: through_a_pipe(lambda end: each(lambda part: os.write(end, part), parts))),
    Consumer("os.writev", lambda data: through_a_pipe(lambda end: os.writev(end, [data])),
             lambda parts: through_a_pipe(lambda end: os.writev(end, parts))),
    Consumer("file.write, unbuffered", lambda data: through_a_file(lambda file: file.write(data), 0),
             lambda parts: through_a_file(lambda file: each(file.write, parts), 0)),
    Consumer("file.write, buffered", lambda data: through_a_file(lambda file: file.write(data), -1),
             lambda parts: through_a_file(lambda file: each(file.write, parts), -1)),
    Consumer("file.writelines", lambda data: through_a_file(lambda file: file.writelines([data]), -1),
             lambda parts: through_a_file(lambda file: file.writelines(parts), -1)),
    Consumer("io.BytesIO", lambda data: io.BytesIO(data).getvalue()),
    Consumer("ssl.MemoryBIO.write", lambda data: memory_bio([data]), memory_bio),
    Consumer("subprocess.run(input=)", lambda data: subprocess.run(["cat"], input=data, capture_output=True).stdout),
    Consumer("multiprocessing Connection.send_bytes", connection),
    Consumer("mmap.write", mapped),
]

ASYNCIO = [
    Consumer("asyncio transport.write", lambda data: arrived_async(loop_of("asyncio"), lambda transport: transport.write(data)),
             lambda parts: arrived_async(loop_of("asyncio"), lambda transport: transport.writelines(parts)),
             buf="TypeError", composite="TypeError", note="the way of a composite is `transport.writelines(c.views())`"),
    Consumer("asyncio transport.writelines", lambda data: arrived_async(loop_of("asyncio"), lambda transport: transport.writelines([data])),
             lambda parts: arrived_async(loop_of("asyncio"), lambda transport: transport.writelines(parts)), composite="TypeError or BufferError"),
    Consumer("asyncio StreamWriter.write", lambda data: filled_async(loop_of("asyncio"), lambda sock: stream_write(sock, data)),
             buf="TypeError", composite="TypeError"),
    Consumer("asyncio transport.write, while it waits", lambda data: Queued(loop_of("asyncio"), data), seen=lambda queued: queued.size,
             buf="TypeError", view=f"{YES} or {PINS}", composite="TypeError", note="since 3.12 it is not copied"),
    Consumer("asyncio loop.sock_sendall",
             lambda data: filled_async(loop_of("asyncio"), lambda sock: asyncio.get_running_loop().sock_sendall(sock, data))),
    Writer("asyncio BufferedProtocol.get_buffer", lambda target: received(loop_of("asyncio"), TEXT, target),
           note="an error ends the connection"),
    Writer("asyncio loop.sock_recv_into", lambda target: received_once("asyncio", target)),
]

INPUT = [
    Writer("socket.recv_into", lambda target: filled(TEXT, lambda sock: sock.recv_into(target)),
             lambda parts: filled(TEXT, lambda sock: each(sock.recv_into, parts))),
    Writer("socket.recvfrom_into", lambda target: filled(TEXT, lambda sock: sock.recvfrom_into(target)),
             writes=TEXT),
    Writer("socket.recvmsg_into", lambda target: filled(TEXT, lambda sock: sock.recvmsg_into([target])),
             lambda parts: filled(TEXT, lambda sock: sock.recvmsg_into(parts))),
    Writer("os.readv", lambda target: pipe_into([target]), pipe_into, readonly="BufferError", composite="BufferError"),
    Writer("os.preadv", lambda target: pread_into([target]), pread_into, readonly="BufferError", composite="BufferError"),
    Writer("file.readinto, unbuffered", lambda target: file_into(target, 0)),
    Writer("file.readinto, buffered", lambda target: file_into(target, -1)),
    Writer("io.BytesIO.readinto", lambda target: io.BytesIO(TEXT).readinto(target),
             lambda parts: each(io.BytesIO(TEXT).readinto, parts)),
    Writer("multiprocessing Connection.recv_bytes_into", connection_into, composite="BufferError"),
    Writer("struct.pack_into", lambda target: struct.pack_into("16s", target, 0, TEXT)),
    Writer("ctypes from_buffer", from_buffer, buf=PINS, view=PINS, composite="BufferError"),
    Writer("memoryview(x)[:] =", slice_assigned, composite="BufferError"),
]

BYTES = [
    Consumer("bytes(x)", bytes, b"".join, composite=YES),
    Consumer("bytearray(x)", bytearray),
    Consumer("bytes.join", lambda data: b"-".join([data, data]), lambda parts: b"".join([*parts, b"-", *parts]), composite="TypeError"),
    Consumer("bytes + x", lambda data: b"<" + data, composite="TypeError"),
    Consumer("bytes % x", lambda data: b"<%b>" % data, composite=YES),
    Consumer("bytes.find", lambda data: (TEXT + b"4096 and more bytes").find(data)),
    Consumer("bytes.replace", lambda data: (TEXT + b"4096 and more bytes").replace(data, b"!")),
    Consumer("bytes.startswith", lambda data: b"4096 and more bytes".startswith(data)),
    Consumer("bytearray +=", extended, composite="TypeError"),
    Consumer("bytearray.extend", lambda data: grown([data]), grown, composite="TypeError"),
    Consumer("bytearray slice =", assigned),
    Consumer("memoryview slice =", copied_into),
    Consumer("int.from_bytes", lambda data: int.from_bytes(data, "big"), composite=YES),
    Consumer("int(x)", int, content=b"4096", composite="TypeError"),
    Consumer("float(x)", float, content=b"4096.5", composite="TypeError"),
    Consumer("str(x, encoding)", lambda data: str(data, "utf-8"), decoded, composite="TypeError"),
    Consumer("codecs.decode", lambda data: codecs.decode(data, "utf-8"), decoded),
    Consumer("list(x)", list, composite=YES),
    Consumer("memoryview(x)", memoryview, buf=PINS, view=PINS),
    Consumer("array.frombytes", array_of),
    Consumer('array.array("B", x)', lambda data: array.array("B", data).tolist(), composite=YES),
]

CODING = [
    Consumer("struct.unpack_from", lambda data: struct.unpack_from(">HI", data, 1)),
    Consumer("struct.iter_unpack", lambda data: struct.iter_unpack(">H", data), content=TEXT, seen=list, buf=PINS, view=PINS),
    Consumer("re.search", lambda data: re.search(rb"m\w+", data), seen=lambda match: match.span(), buf=HANDLE, view=PINS, composite="TypeError"),
    Consumer("re.finditer", lambda data: re.finditer(rb"\w+", data), seen=lambda found: [match.span() for match in found], buf=PINS, view=PINS, composite="TypeError"),
    Consumer("re.sub", lambda data: re.sub(rb"\w+", b"w", data), composite="TypeError"),
    Consumer("hashlib.sha256", lambda data: hashlib.sha256(data).digest(), digest),
    Consumer("hmac.new", lambda data: hmac.new(b"key", data, "sha256").digest(), mac),
    Consumer("zlib.compress", zlib.compress, lambda parts: compressed(zlib.compressobj(), parts)),
    Consumer("zlib.decompress", zlib.decompress, content=zlib.compress(TEXT)),
    Consumer("zlib.crc32", zlib.crc32, crc),
    Consumer("bz2.compress", bz2.compress, lambda parts: compressed(bz2.BZ2Compressor(), parts)),
    Consumer("lzma.compress", lzma.compress, lambda parts: compressed(lzma.LZMACompressor(), parts)),
    Consumer("binascii.hexlify", binascii.hexlify),
    Consumer("base64.b64encode", base64.b64encode),
    Consumer("json.loads", json.loads, content=b"[1, 2]", buf="TypeError", view="TypeError", composite="TypeError",
             note="`json.loads(str(buf, 'utf-8'))`"),
    Consumer("pickle.loads", pickle.loads, content=pickle.dumps([1, 2])),
    Consumer("pickle.PickleBuffer", pickle.PickleBuffer, seen=bytes, buf=PINS, view=PINS),
    Consumer("marshal.loads", marshal.loads, content=marshal.dumps([1, 2])),
    Consumer("uuid.UUID(bytes=)", lambda data: uuid.UUID(bytes=data), content=TEXT, buf="AssertionError", view="AssertionError", composite="AssertionError"),
    Consumer("urllib.parse.quote_from_bytes", urllib.parse.quote_from_bytes, buf="TypeError", view="TypeError", composite="TypeError"),
]

STANDARD = [*OUTPUT, *ASYNCIO, *INPUT, *BYTES, *CODING]
