"""The file server, asked over real sockets."""

import asyncio
import contextlib
import email
import gzip
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from email.utils import formatdate

import pytest
from serving import EXAMPLES, PATIENCE, everything, until

import zbuf

sys.path.append(str(EXAMPLES))

from file_server import coding
from file_server.root import Root
from file_server.server import FileServer

SMALL = b"".join(b"line %d\n" % k for k in range(100))
BIG = random.Random(1).randbytes(3_000_001)


def status(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.fixture
def files(server):
    (server.root / "small.txt").write_bytes(SMALL)
    (server.root / "big.bin").write_bytes(BIG)
    (server.root / "empty").write_bytes(b"")
    return server


@pytest.fixture
def patient(serve):
    """A server that cuts off nobody as long as a test lasts."""
    server = serve("--patience", "1000")
    (server.root / "small.txt").write_bytes(SMALL)
    (server.root / "big.bin").write_bytes(BIG)
    return server


# -- whole files


@pytest.mark.parametrize("name, data", [("small.txt", SMALL), ("big.bin", BIG), ("empty", b"")])
def test_a_file_is_served_byte_for_byte(files, name, data):
    code, headers, body = files.get("/" + name)
    assert (code, body, headers["Content-Length"]) == (200, data, str(len(data)))


@pytest.mark.parametrize("name", ["small.txt", "big.bin", "empty"])
def test_another_client_sees_the_same(files, name):
    url = f"http://127.0.0.1:{files.port}/{name}"
    # curl where it is; else Python's own, which knows of no connection of ours either
    fetch = ["curl", "-sSf", url] if shutil.which("curl") else ["python3", "-c", f"import sys, urllib.request as r; sys.stdout.buffer.write(r.urlopen({url!r}).read())"]
    alone = {**os.environ, "LD_PRELOAD": ""}    # a sanitizer that is put before Python stops curl for ever
    assert subprocess.run(fetch, capture_output=True, check=True, timeout=PATIENCE, env=alone).stdout == (files.root / name).read_bytes()


@pytest.mark.parametrize("size", [255, 256, (32 << 10) - 1, 32 << 10, (64 << 10) + 1, (1 << 20) + 1])
def test_sizes_about_the_thresholds(server, size):
    data = random.Random(size).randbytes(size)
    (server.root / "file.txt").write_bytes(data)
    assert server.get("/file.txt")[2] == data
    code, headers, body = server.get("/file.txt", Accept_Encoding="gzip")
    zipped = headers["Content-Encoding"] == "gzip"
    assert zipped == (256 <= size < 32 << 10)
    assert (gzip.decompress(body) if zipped else body) == data


@pytest.mark.parametrize("name", ["small.txt", "big.bin", "empty", "missing"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_head_has_the_headers_of_get(files, name, coding):
    got, head = (files.get("/" + name, method, Accept_Encoding=coding) for method in ("GET", "HEAD"))
    del got[1]["Date"], head[1]["Date"]
    assert (head[0], head[1].items(), head[2]) == (got[0], got[1].items(), b"")


@pytest.mark.parametrize(
    "accepted, zipped",
    [("gzip", True), ("deflate, GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.0, br", False), ("br", False), ("", False)],
)
def test_gzip_is_for_who_accepts_it(files, accepted, zipped):
    _, headers, body = files.get("/small.txt", Accept_Encoding=accepted)
    assert (headers["Content-Encoding"] == "gzip") == zipped
    assert (gzip.decompress(body) if zipped else body) == SMALL
    assert headers["Vary"] == "Accept-Encoding"


def test_the_files_compressed_last_are_kept(tmp_path, monkeypatch):
    async def compressed(names):
        for name in names:
            zipped.of(root.open(name))
        return len(zipped._kept)

    monkeypatch.setattr(coding, "MOST", 2)
    root, zipped = Root(tmp_path), coding.Gzip()
    for name in "abc":
        (tmp_path / name).write_bytes(SMALL)
    assert asyncio.run(compressed([b"/a", b"/b", b"/a"])) == 2
    assert asyncio.run(compressed([b"/c", b"/a"])) == 2


def test_a_coding_has_an_etag_of_its_own(files):
    plain, zipped = (files.get("/small.txt", Accept_Encoding=coding)[1]["ETag"] for coding in ("identity", "gzip"))
    assert plain != zipped
    assert files.get("/small.txt", Accept_Encoding="gzip", If_None_Match=zipped)[0] == 304
    assert files.get("/small.txt", Accept_Encoding="gzip", If_None_Match=plain)[0] == 200


# -- one connection, many requests


def test_a_connection_is_kept(files):
    client = files.client()
    for name, data in [("small.txt", SMALL), ("big.bin", BIG), ("empty", b""), ("small.txt", SMALL)]:
        client.request("GET", "/" + name)
        local = client.sock.getsockname()
        assert client.getresponse().read() == data
        assert client.sock.getsockname() == local
    client.close()


def test_requests_are_answered_in_order_however_they_are_cut(files):
    asked = b"GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\nHEAD /big.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n"
    with files.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for k in range(len(asked)):
            sock.send(asked[k : k + 1])
        sock.shutdown(socket.SHUT_WR)
        answer = everything(sock)
    first, second = answer.index(SMALL), answer.index(b"Content-Length: 3000001")
    assert 0 < first < second < answer.index(b" 404 ")


@pytest.mark.parametrize(
    "request_line, connection, kept",
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "keep-alive", True)],
)
def test_who_wants_the_connection_closed(files, request_line, connection, kept):
    asked = f"GET /empty HTTP/{request_line}\r\nHost: a\r\nConnection: {connection}\r\n\r\n".encode() * 2
    assert files.ask(asked).count(b"HTTP/1.1 200 OK") == 1 + kept


def test_what_is_asked_for_behind_a_large_file_waits_and_comes(patient):
    one = b"GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n"
    with patient.connect() as sock:
        sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n" + one)
        assert sock.recv(1) == b"H"
        sock.sendall(one * 2)
        sock.shutdown(socket.SHUT_WR)
        answers = everything(sock)
    first, _, behind = answers.partition(BIG)
    assert first.startswith(b"TTP/1.1 200 OK") and behind.count(SMALL) == 3 and behind.endswith(SMALL)


def test_a_large_file_may_be_the_last(patient):
    before = patient.sockets()
    with patient.connect() as sock:
        sock.sendall(b"GET /big.bin HTTP/1.0\r\n\r\n" * 2)
        assert everything(sock).endswith(BIG)
        assert patient.sockets() > before    # who sends more is not answered by a reset
    until(lambda: patient.sockets() == before)


def test_a_flaw_behind_a_large_file_is_told_of_when_that_has_come(files):
    first, _, behind = files.ask(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\nGET small.txt HTTP/1.1\r\n").partition(BIG)
    assert (status(first), status(behind)) == (200, 400)


def test_the_date_goes_on(files):
    first = files.get("/empty")[1]["Date"]
    until(lambda: files.get("/empty")[1]["Date"] != first)


# -- ranges


@pytest.mark.parametrize("name, data", [("small.txt", SMALL), ("big.bin", BIG)])
@pytest.mark.parametrize("spec, part", [("0-0", slice(0, 1)), ("10-19", slice(10, 20)), ("5-", slice(5, None)), ("-7", slice(-7, None)), ("-9999999", slice(0, None)), ("3-9999999", slice(3, None))])
def test_a_range(files, name, data, spec, part):
    code, headers, body = files.get("/" + name, Range="bytes=" + spec)
    first, last, _ = part.indices(len(data))
    assert (code, body) == (206, data[part])
    assert headers["Content-Range"] == f"bytes {first}-{last - 1}/{len(data)}"


def test_many_ranges(files):
    code, headers, body = files.get("/big.bin", Range="bytes=0-99, 2000000-2999999,-1, 9999999-")
    message = email.message_from_bytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
    assert (code, message.get_content_type(), headers["Content-Length"]) == (206, "multipart/byteranges", str(len(body)))
    assert [part["Content-Range"] for part in message.get_payload()] == ["bytes 0-99/3000001", "bytes 2000000-2999999/3000001", "bytes 3000000-3000000/3000001"]
    for start, stop in [(0, 100), (2000000, 3000000), (3000000, 3000001)]:
        assert b"\r\n\r\n" + BIG[start:stop] + b"\r\n--" in body


@pytest.mark.parametrize("spec", ["bytes=3000001-", "bytes=-0", "bytes=9999999-99999999,-0"])
def test_a_range_with_no_byte(files, spec):
    code, headers, _ = files.get("/big.bin", Range=spec)
    assert (code, headers["Content-Range"]) == (416, "bytes */3000001")


@pytest.mark.parametrize("spec", ["bytes=", "bytes=-", "bytes=2-1", "bytes=a-b", "lines=1-2", "bytes=1", "bytes=\u00b2-3", "bytes=" + "9" * 40 + "-", "bytes=0-,0-", "bytes=" + ",".join("1-1" for _ in range(17))])
def test_a_range_that_is_none_is_ignored(files, spec):
    assert files.get("/small.txt", Range=spec)[::2] == (200, SMALL)


def test_if_range(files):
    os.utime(files.root / "small.txt", (1_000_000_000, 1_000_000_000))
    _, headers, _ = files.get("/small.txt")
    for given, code in [(headers["ETag"], 206), (headers["Last-Modified"], 206), ("W/" + headers["ETag"], 200), ('"other"', 200), (formatdate(1, usegmt=True), 200)]:
        assert files.get("/small.txt", Range="bytes=0-1", If_Range=given)[0] == code


def test_if_range_does_not_trust_a_date_of_now(files):
    os.utime(files.root / "small.txt", (time.time() + 3600,) * 2)
    date = files.get("/small.txt")[1]["Last-Modified"]
    assert files.get("/small.txt", Range="bytes=0-1", If_Range=date)[0] == 200


# -- preconditions


@pytest.mark.parametrize(
    "headers, code",
    [
        ({"If_None_Match": "{etag}"}, 304),
        ({"If_None_Match": 'W/{etag}, "x"'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_None_Match": '"x"', "If_Modified_Since": "{date}"}, 200),
        ({"If_Modified_Since": "{date}"}, 304),
        ({"If_Modified_Since": formatdate(999_999_999, usegmt=True)}, 200),
        ({"If_Modified_Since": "yesterday"}, 200),
        ({"If_Modified_Since": "Mon, 99 Foo 99999999999 99:99:99 GMT"}, 200),
        ({"If_Match": "{etag}"}, 200),
        ({"If_Match": "W/{etag}"}, 412),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"x"'}, 412),
        ({"If_Unmodified_Since": "{date}"}, 200),
        ({"If_Unmodified_Since": formatdate(999_999_999, usegmt=True)}, 412),
    ],
)
def test_preconditions(files, headers, code):
    os.utime(files.root / "small.txt", (1_000_000_000, 1_000_000_000))
    _, had, _ = files.get("/small.txt")
    given = {name: value.format(etag=had["ETag"], date=had["Last-Modified"]) for name, value in headers.items()}
    got, has, body = files.get("/small.txt", **given)
    assert got == code
    if code == 304:
        assert (body, has["ETag"], has["Content-Length"]) == (b"", had["ETag"], None)


def test_the_etag_changes_with_the_file(files):
    tags = {files.get("/small.txt")[1]["ETag"]}
    os.utime(files.root / "small.txt", ns=(1, 1))
    tags.add(files.get("/small.txt")[1]["ETag"])
    os.truncate(files.root / "small.txt", 10)
    tags.add(files.get("/small.txt")[1]["ETag"])
    (files.root / "new").write_bytes(SMALL[:10])
    os.utime(files.root / "new", ns=(1, 1))
    os.replace(files.root / "new", files.root / "small.txt")
    tags.add(files.get("/small.txt")[1]["ETag"])
    assert len(tags) == 4


# -- where files are


def test_names_are_decoded(server):
    (server.root / "a b%é?.txt").write_bytes(b"here")
    assert server.get("/a%20b%25%C3%A9%3f.txt?query=1")[2] == b"here"
    answer = server.ask(b"GET http://any.host:1/a%20b%25%c3%a9%3F.txt HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nhere")


def test_a_directory(server):
    (server.root / "some dir").mkdir()
    code, headers, _ = server.get("//some%20dir?x")
    assert (code, headers["Location"]) == (301, "/some%20dir/")
    assert server.get("/some%20dir/")[0] == 404
    (server.root / "some dir" / "index.html").write_bytes(b"<p>")
    assert server.get("/some%20dir/")[2] == b"<p>"


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/dir/../../secret", "/dir/../small.txt", "/./../secret", "//../secret", "/..", "/link", "/dirlink/secret", "/dirlink", "/relative", "/proc/self/fd/0", "/pipe", "/small.txt/", "/small.txt/..", "/" + "a" * 300, "/loop"])
def test_nothing_else_is_served(server, path):
    root = server.root
    (root.parent / "secret").write_bytes(b"secret")
    (root / "dir").mkdir()
    (root / "small.txt").write_bytes(SMALL)
    (root / "link").symlink_to(root.parent / "secret")
    (root / "relative").symlink_to("../secret")
    (root / "dirlink").symlink_to(root.parent)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    answer = server.ask(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ") and b"\nsecret" not in answer


def test_a_sibling_that_begins_like_the_root_is_outside(server):
    sibling = server.root.with_name("root-too")
    sibling.mkdir(exist_ok=True)
    (sibling / "file").write_bytes(b"secret")
    (server.root / "link").symlink_to(sibling / "file")
    assert server.get("/link")[0] == 404


def test_a_link_that_stays_inside_is_followed(files):
    (files.root / "link").symlink_to("small.txt")
    assert files.get("/link")[2] == SMALL


# -- files that stay open


def test_a_file_that_was_served_before_is_looked_at_again(files):
    file, seen = files.root / "small.txt", []
    for change in [
        lambda: None,
        lambda: file.write_bytes(SMALL[::-1]),    # as long as before
        lambda: os.truncate(file, 10),
        lambda: os.replace(files.root / "big.bin", file),
        lambda: file.unlink(),
        lambda: file.write_bytes(b"new"),
    ]:
        change()
        code, _, body = files.get("/small.txt")
        seen.append(body if code == 200 else code)
    assert seen == [SMALL, SMALL[::-1], SMALL[::-1][:10], BIG, 404, b"new"]


def test_a_directory_that_was_moved_out_is_not_served_through_a_link(server):
    outside, inside = server.root.with_name("moved"), server.root / "dir"
    shutil.rmtree(outside, ignore_errors=True)
    inside.mkdir()
    (inside / "file").write_bytes(b"mine")
    assert server.get("/dir/file")[2] == b"mine"
    os.rename(inside, outside)
    inside.symlink_to(outside)
    assert server.get("/dir/file")[0] == 404


@pytest.mark.parametrize("size", [1, 40_000])
def test_no_more_files_stay_open_than_are_wanted(serve, size):
    server = serve("--open-files", "3")
    for k in range(10):
        (server.root / str(k)).write_bytes(b"%d" % k * size)
    for k in [*range(10), 9, 0]:
        assert server.get(f"/{k}")[2] == b"%d" % k * size
    assert sorted(server.open_files()) == ["0", "8", "9"]


def test_files_may_be_closed_while_they_are_asked_for(serve):
    server = serve("--open-files", "1")
    for name in ["a", "b"]:
        (server.root / name).write_bytes(name.encode() * 40_000)
    asked = [b"GET /%c HTTP/1.1\r\nHost: a\r\n\r\n" % name for name in b"abaab"]
    answers = server.ask(b"".join(asked))
    assert [body[:1] for body in re.findall(rb"a{40000}|b{40000}", answers)] == [b"a", b"b", b"a", b"a", b"b"]


def test_a_file_is_looked_at_once_in_a_turn_of_the_loop(tmp_path):
    async def main():
        root, file = Root(tmp_path), tmp_path / "file"
        file.write_bytes(b"old")
        old = root.open(b"/file")
        file.write_bytes(b"newer")
        assert root.open(b"/file") is old
        await asyncio.sleep(0)
        assert root.open(b"/file").size == 5

    asyncio.run(main())


def test_the_log_has_a_line_for_each_request(serve):
    server = serve("--access-log")
    (server.root / "small.txt").write_bytes(SMALL)
    server.ask(b"GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\nHEAD /none HTTP/1.1\r\nHost: a\r\n\r\nno request")
    assert [server.process.stdout.readline() for _ in range(2)] == [f"GET /small.txt 200 {len(SMALL)}\n", "HEAD /none 404 0\n"]


# -- what is no request

HOST = b"Host: a\r\n"


@pytest.mark.parametrize(
    "asked, code",
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /a%2 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET small.txt HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\n" + HOST + b"\n", 400),
        (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 400),
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello", 413),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello", 405),
        (b"DELETE /small.txt HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET /" + b"a" * 1_000_000, 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"a" * 17000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"a" * 1_000_000, 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 100 + b"\r\n", 431),
        (b"\r\n" * 100_000, 431),
    ],
)
def test_what_is_refused(files, asked, code):
    before = b"GET /empty HTTP/1.1\r\n" + HOST + b"\r\n"
    assert status(files.ask(asked)) == code
    answers = files.ask(before + asked)
    assert status(answers) == 200
    assert status(answers[answers.index(b"\r\n\r\n") + 4 :]) == code


def test_long_requests_may_come_in_many_pieces(files):
    asked = b"GET /small.txt?" + b"q" * 8000 + b" HTTP/1.1\r\n" + HOST + b"A: " + b"a" * 16000 + b"\r\n\r\n"
    with files.connect() as sock:
        for _ in range(2):
            for k in range(0, len(asked), 500):
                sock.sendall(asked[k : k + 500])
                time.sleep(0.001)
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock).count(SMALL) == 2


def test_405_says_what_is_allowed(files):
    assert files.get("/small.txt", "PUT")[1]["Allow"] == "GET, HEAD"
    assert b"\r\nAllow: GET, HEAD\r\n" in files.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na")


def test_an_upgrade_is_answered_as_if_not_asked_for(files):
    asked = b"GET /small.txt HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answer = files.ask(asked * 2)
    assert answer.endswith(SMALL) and answer.count(b"HTTP/1.1 200 OK") == 1


def test_random_requests_never_stop_it(files):
    chance = random.Random(20)
    model = b"GET /small.txt?a=%20 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-5,-3\r\nIf-None-Match: W/\"x\", *\r\nAccept-Encoding: gzip;q=1\r\nIf-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n"
    for _ in range(400):
        asked = bytearray(model)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(asked))
            asked[at : at + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        answer = files.ask(asked)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), bytes(asked)
    assert files.get("/small.txt")[2] == SMALL


# -- clients that take their time


@pytest.mark.parametrize("said", [b"", b"GET /small.txt HTT", b"GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_who_says_nothing_more_is_cut_off(serve, said):
    server = serve("--patience", "0.2")
    (server.root / "small.txt").write_bytes(SMALL)
    with server.connect() as sock:
        sock.sendall(said)
        assert everything(sock).endswith(SMALL if said.endswith(b"\r\n\r\n") else b"")


def test_who_takes_nothing_is_cut_off(serve):
    server = serve("--patience", "0.2", "--slowest", str(1 << 40))
    with open(server.root / "big", "wb") as file:
        file.truncate(64 << 20)
    before = server.sockets()
    with server.connect() as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(1) == b"H"
        until(lambda: server.sockets() == before)
        assert len(everything(sock)) < 64 << 20


@pytest.mark.parametrize("path", [b"/big", b"/small"])
def test_who_asks_and_asks_and_takes_nothing_is_cut_off(serve, path):
    server = serve("--patience", "0.2", "--slowest", str(1 << 40))
    (server.root / "big").write_bytes(b"o" * (64 << 20))
    (server.root / "small").write_bytes(SMALL)
    with server.connect() as sock, pytest.raises(ConnectionError):
        while True:
            sock.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")


def test_who_asks_byte_by_byte_has_no_more_time(serve):
    server = serve("--patience", "0.2")
    with server.connect() as sock, pytest.raises(ConnectionError):
        sock.sendall(b"GET / HTTP/1.1\r\nA: ")
        while True:
            sock.sendall(b"a")
            time.sleep(0.01)


def test_who_takes_a_large_file_slowly_has_more_time(serve):
    server = serve("--patience", "0.1", "--slowest", "65536")    # 1,000 seconds
    (server.root / "file").write_bytes(b"o" * (64 << 20))
    before = server.sockets()
    with begun(server, b"/file"):
        time.sleep(0.3)
        assert server.sockets() > before


def test_what_waits_for_who_does_not_read_is_bounded(patient):
    (patient.root / "file").write_bytes(b"o" * 30_000)
    before = patient.memory()
    with patient.connect() as sock:
        sock.sendall(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n" * 1700)    # 51 MB, asked for in one read
        assert sock.recv(1) == b"H"
        for _ in range(20):
            assert patient.get("/file")[0] == 200
        assert patient.memory() - before < 20 << 20
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock).count(b"o" * 30_000) == 1700


def test_who_has_taken_a_large_file_has_as_much_time_as_others(serve):
    server = serve("--patience", "0.2", "--slowest", "1")    # 3,000,001 seconds for the file
    (server.root / "big.bin").write_bytes(BIG)
    with server.connect() as sock:
        sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        assert everything(sock).endswith(BIG)


def test_of_who_does_not_read_no_more_is_read(server):
    (server.root / "file").write_bytes(b"o" * (64 << 20))
    (server.root / "empty").write_bytes(b"")
    one = b"HEAD /empty HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 8000 + b"\r\n\r\n"
    with begun(server, b"/file") as sock:
        sent = send_what_is_taken(sock, one, 64 << 20)
        assert sent < 64 << 20
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(PATIENCE)
        assert everything(sock).count(b"HTTP/1.1 200 OK") == sent // len(one)


def send_what_is_taken(sock, data, most):
    """Send data again and again, so many bytes at the most; give how many were taken."""
    sent = 0
    sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while sent < most:
            sent += sock.send(data[sent % len(data) :])
    return sent


def test_who_goes_away_in_the_middle_is_forgotten(server):
    (server.root / "file").write_bytes(b"o" * (64 << 20))
    before = server.sockets()
    for _ in range(5):
        with begun(server, b"/file") as sock:
            sock.sendall(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n" * 1000)
    until(lambda: server.sockets() == before)


def test_it_can_be_stopped_in_the_middle(serve):
    server = serve()
    (server.root / "file").write_bytes(b"o" * (64 << 20))
    with begun(server, b"/file") as sock:
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
        assert len(everything(sock)) < 64 << 20


def test_what_fails_behind_a_large_file_ends_the_connection(tmp_path):
    (tmp_path / "file").write_bytes(BIG)
    logged = []

    def log(request, response):
        logged.append(response)
        assert len(logged) == 1, "as told to fail"

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        files = FileServer(Root(tmp_path), patience=1000, slowest=1, log=log)
        server = await loop.create_server(files, "127.0.0.1", 0)
        async with server, await zbuf.aio.open_connection(*server.sockets[0].getsockname()) as stream:
            stream.write(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
            with contextlib.suppress(ConnectionError):
                while await stream.read():
                    pass

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    assert len(logged) == 2


def test_who_will_not_close_is_cut_off(serve):
    server = serve("--patience", "0.2")
    before = server.sockets()
    with server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert everything(sock).startswith(b"HTTP/1.1 404 ")
        until(lambda: server.sockets() == before)


# -- files that change


def begun(server, path):
    """A connection on which an answer has begun; the rest of 64 MiB waits."""
    sock = server.connect()
    sock.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sock.recv(1) == b"H"
    return sock


def test_a_file_that_is_replaced_meanwhile_is_sent_whole(server):
    for name, byte in [("file", b"o"), ("new", b"n")]:
        (server.root / name).write_bytes(byte * (64 << 20))
    with begun(server, b"/file") as sock:
        os.replace(server.root / "new", server.root / "file")
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock).partition(b"\r\n\r\n")[2] == b"o" * (64 << 20)
    assert server.get("/file", Range="bytes=-3")[2] == b"nnn"


def test_a_file_that_is_truncated_meanwhile_ends_the_connection(server):
    (server.root / "file").write_bytes(b"o" * (64 << 20))
    with begun(server, b"/file") as sock:
        os.truncate(server.root / "file", 10)
        head, _, body = everything(sock).partition(b"\r\n\r\n")
    assert b"Content-Length: 67108864" in head and len(body) < 64 << 20
    assert server.get("/file")[2] == b"o" * 10
