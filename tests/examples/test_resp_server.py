"""The Redis server, asked over real sockets."""

import random
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest
from serving import EXAMPLES, PATIENCE, everything, until

import zbuf

sys.path.append(str(EXAMPLES))

from resp_server import request
from resp_server.deadlines import Deadlines

BIG = random.Random(1).randbytes(1_000_001)


def asked(*words):
    """A command as clients write it."""
    words = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def bulk(value):
    return b"$%d\r\n%b\r\n" % (len(value), value)


def exactly(sock, size):
    """The next bytes of a socket."""
    got = bytearray(size)
    have = 0
    while have < size and (n := sock.recv_into(memoryview(got)[have:])):
        have += n
    return bytes(got[:have])


@pytest.fixture
def empty(redis):
    """A server whose database is empty."""
    assert redis.ask(asked("FLUSHALL")) == b"+OK\r\n"
    return redis


# -- commands


@pytest.mark.parametrize(
    "lines, replies",
    [
        (["PING", "ping hello", "ECHO x"], b"+PONG\r\n$5\r\nhello\r\n$1\r\nx\r\n"),
        (["SET a 1", "GET a", "GET b", "get A"], b"+OK\r\n$1\r\n1\r\n$-1\r\n$-1\r\n"),
        (["SET a 1 XX", "SET a 1 NX", "SET a 2 nx", "SET a 3 XX", "GET a"], b"$-1\r\n+OK\r\n$-1\r\n+OK\r\n$1\r\n3\r\n"),
        (["SET a 1 EX 100", "TTL a", "SET a 2", "TTL a", "TTL b"], b"+OK\r\n:100\r\n+OK\r\n:-1\r\n:-2\r\n"),
        (["SET a 1 PX 99999", "TTL a", "INCR a", "TTL a", "PERSIST a", "PERSIST a"], b"+OK\r\n:100\r\n:2\r\n:100\r\n:1\r\n:0\r\n"),
        (["EXPIRE a 9", "SET a 1", "EXPIRE a 9", "PEXPIRE a -1", "EXISTS a"], b":0\r\n+OK\r\n:1\r\n:1\r\n:0\r\n"),
        (["SET a 1", "EXPIRE a 7", "PTTL a", "DEL a", "SET a 1", "PTTL a"], b"+OK\r\n:1\r\n:7000\r\n:1\r\n+OK\r\n:-1\r\n"),
        (["MSET a 1 b 2", "MGET a x b", "DEL a b c", "EXISTS a", "DBSIZE"], b"+OK\r\n*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n:2\r\n:0\r\n:0\r\n"),
        (["INCR n", "INCRBY n 41", "DECR n", "DECRBY n -1", "GET n"], b":1\r\n:42\r\n:41\r\n:42\r\n$2\r\n42\r\n"),
        (["APPEND a xy", "APPEND a z", "STRLEN a", "STRLEN b", "GET a"], b":2\r\n:3\r\n:3\r\n:0\r\n$3\r\nxyz\r\n"),
        (["MSET key1 a key2 b other c", "KEYS key?", "KEYS [^k]*", "SCAN 0 MATCH *1 COUNT 1"],
         b"+OK\r\n*2\r\n$4\r\nkey1\r\n$4\r\nkey2\r\n*1\r\n$5\r\nother\r\n*2\r\n$1\r\n0\r\n*1\r\n$4\r\nkey1\r\n"),
        (["RPUSH l a b c d", "LPUSH l y z", "LRANGE l 0 1", "LRANGE l -2 -1", "LRANGE l 4 1", "LLEN l"],
         b":4\r\n:6\r\n*2\r\n$1\r\nz\r\n$1\r\ny\r\n*2\r\n$1\r\nc\r\n$1\r\nd\r\n*0\r\n:6\r\n"),
        (["RPUSH l a b", "LPOP l", "RPOP l 5", "EXISTS l", "LPOP l", "LPOP l 1"], b":2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n:0\r\n$-1\r\n*-1\r\n"),
        (["SADD s a b a", "SADD s b", "SCARD s", "SISMEMBER s a", "SREM s a x", "SMEMBERS s", "SPOP s", "EXISTS s"],
         b":2\r\n:0\r\n:2\r\n:1\r\n:1\r\n*1\r\n$1\r\nb\r\n$1\r\nb\r\n:0\r\n"),
        (["HSET h f 1 g 2", "HSET h f 3", "HGET h f", "HGET h x", "HLEN h", "HDEL h g", "HGETALL h", "TYPE h"],
         b":2\r\n:0\r\n$1\r\n3\r\n$-1\r\n:2\r\n:1\r\n*2\r\n$1\r\nf\r\n$1\r\n3\r\n+hash\r\n"),
        (["SELECT 0", "CLIENT SETNAME me", "CLIENT GETNAME", "CONFIG GET sav*", "COMMAND DOCS"],
         b"+OK\r\n+OK\r\n$2\r\nme\r\n*2\r\n$4\r\nsave\r\n$0\r\n\r\n*0\r\n"),
    ],
)
def test_commands_and_their_replies(empty, lines, replies):
    assert empty.ask(b"".join(asked(*line.split()) for line in lines)) == replies
    empty.ask(asked("FLUSHALL"))
    assert empty.ask("".join(line + "\r\n" for line in lines).encode()) == replies


@pytest.mark.parametrize(
    "line, error",
    [
        ("NO such\rthing", "ERR unknown command 'NO', with args beginning with: 'such' 'thing' "),
        ("GET", "ERR wrong number of arguments for 'get' command"),
        ("GET a b", "ERR wrong number of arguments for 'get' command"),
        ("MSET a", "ERR wrong number of arguments for 'mset' command"),
        ("SET a 1 EX", "ERR syntax error"),
        ("SET a 1 NX XX", "ERR syntax error"),
        ("SET a 1 EX 0", "ERR invalid expire time in 'set' command"),
        ("SET a 1 PX 1.5", "ERR value is not an integer or out of range"),
        ("INCR text", "ERR value is not an integer or out of range"),
        ("INCRBY a 9223372036854775808", "ERR value is not an integer or out of range"),
        ("INCRBY a +1", "ERR value is not an integer or out of range"),
        ("INCRBY most 1", "ERR increment or decrement would overflow"),
        ("EXPIRE text 99999999999", "ERR invalid expire time in 'expire' command"),
        ("LPOP a -1", "ERR value is out of range, must be positive"),
        ("LPUSH text x", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("GET list", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("HGET list x", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SELECT 1", "ERR DB index is out of range"),
        ("HELLO 3", "NOPROTO unsupported protocol version"),
        ("CLIENT KILL", "ERR unknown subcommand 'KILL'"),
        ("SCAN 0 TYPE x", "ERR syntax error"),
    ],
)
def test_an_error_changes_nothing_and_the_connection_goes_on(empty, line, error):
    empty.ask(b"MSET text x most 9223372036854775807\r\nRPUSH list x\r\n")
    assert empty.ask(line.encode() + b"\r\nDBSIZE\r\nTTL text\r\nGET text\r\n") == f"-{error}\r\n:3\r\n:-1\r\n$1\r\nx\r\n".encode()


def test_a_pattern_cannot_hold_everybody_up(empty):
    empty.ask(asked("SET", "a" * 5000, "x"))
    assert empty.ask(asked("KEYS", "*a" * 50 + "*b") + asked("KEYS", "[" + "*?" * 50) + asked("KEYS", "\\[[^]a-")) == 3 * b"*0\r\n"


def test_hello_says_who_answers(redis):
    answer = redis.ask(asked("HELLO", "2"))
    assert answer.startswith(b"*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n") and b"$5\r\nproto\r\n:2\r\n" in answer


def test_who_quits_is_told_and_heard_no_more(empty):
    assert empty.ask(b"SET a 1\r\nQUIT\r\nSET a 2\r\n") == b"+OK\r\n+OK\r\n"
    assert empty.ask(b"GET a\r\n") == b"$1\r\n1\r\n"


# -- how commands come

MIXED = [
    (b"SET", b"a", b"line\r\nline\r\n"), (b"GET", b"a"), (b"SET", b"", b""), (b"PING",), (b"SET", b"a", b"\r\n" * 50), (b"GET", b"b"), (b"GET", b"c"),
    (b"GET", b"$3\r\nabc"), (b"MSET",) + tuple(b"%d" % k for k in range(200)), (b"SET", b"x" * 2000, b"\r"), (b"SET", b"k", b"*1\r\n$4\r\nPING"),
]


def pieces(data, cuts):
    bounds = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in zip(bounds, bounds[1:]) if a < b]


def decoded(parts):
    decoder = request.CommandDecoder()
    return [tuple(map(bytes, command)) for part in parts for command in decoder.feed(zbuf.copied(part))]


def test_commands_are_the_same_wherever_they_are_cut():
    data = b"".join(asked(*command) for command in MIXED)
    for cut in range(len(data)):
        assert decoded(pieces(data, [cut])) == MIXED
    assert decoded(data[k:k + 1] for k in range(len(data))) == MIXED


@pytest.mark.parametrize("seed", range(30))
def test_commands_of_all_sizes_cut_anywhere(seed):
    chance = random.Random(seed)
    sizes = [0, 1, 3, 64, 1023, 1024, 16 << 10, 70_000, 300_000]
    text = [b"\r\n", b"\r", b"\n", b"$5\r\n", b"*2\r\n", b"x"]
    commands = [
        (b"set", b"key", b"".join(chance.choices(text, k=size))[:size]) if size > 3 else (b"GET",) * (size or 1)
        for size in chance.choices(sizes, weights=[9, 9, 9, 9, 3, 3, 1, 1, 1], k=50)
    ]
    data = b"".join(asked(*command) for command in commands)
    assert decoded(pieces(data, chance.choices(range(len(data)), k=chance.choice([3, 30, 300])))) == commands


INLINE = b"PING\nPING\r\n\r\n\n  SET  a \"x\\x41\\n\\\"\"  \n*2\r\n$3\r\nGET\r\n$1\r\na\r\nGET 'it\\'s' \r\n*0\r\n*-1\r\nset a\"b\"\n*1\r\n$4\r\nPING\r\n"
COMMANDS = [(b"PING",), (b"PING",), (b"SET", b"a", b"xA\n\""), (b"GET", b"a"), (b"GET", b"it's"), (b"set", b"ab"), (b"PING",)]


def test_lines_of_words_stand_among_arrays_wherever_they_are_cut():
    for cut in range(len(INLINE)):
        assert decoded(pieces(INLINE, [cut])) == COMMANDS
    assert decoded(INLINE[k:k + 1] for k in range(len(INLINE))) == COMMANDS


def test_a_connection_is_served_byte_by_byte(empty):
    data = asked("SET", "a", "1\r\n2") + b"GET a\r\n" + asked("GET", "a")
    with empty.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for k in range(len(data)):
            sock.send(data[k:k + 1])
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock) == b"+OK\r\n" + 2 * b"$4\r\n1\r\n2\r\n"


def test_ten_thousand_commands_at_once_are_answered_in_order(empty):
    data, replies = [], []
    for k in range(2_500):
        data += asked("SET", f"key{k}", f"value\r\n{k}" if k % 3 else f"{k}"), asked("GET", f"key{k}"), asked("INCR", "n"), asked("ECHO", f"{k}")
        value = b"value\r\n%d" % k if k % 3 else b"%d" % k
        replies += b"+OK\r\n", bulk(value), b":%d\r\n" % (k + 1), bulk(b"%d" % k)
    assert ask_while_reading(empty, b"".join(data)) == b"".join(replies)


def ask_while_reading(server, data):
    """Who sends much has to read meanwhile."""
    with server.connect() as sock:
        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        sending = threading.Thread(target=send)
        sending.start()
        answer = everything(sock)
        sending.join()
    return answer


@pytest.mark.parametrize("size", [1023, 1024, 2047, 2048, (16 << 10) - 1, 16 << 10, (64 << 10) - 2, 64 << 10, 1_000_001])
def test_a_value_comes_back_as_it_was_set(empty, size):
    value = BIG[:size]
    data = asked("SET", "a", value) + asked("GET", "a") + asked("MGET", "a", "b", "a") + asked("STRLEN", "a") + asked("APPEND", "a", "end") + asked("GET", "a")
    expected = b"+OK\r\n" + bulk(value) + b"*3\r\n" + bulk(value) + b"$-1\r\n" + bulk(value) + b":%d\r\n:%d\r\n" % (size, size + 3) + bulk(value + b"end")
    assert ask_while_reading(empty, data) == expected


def test_a_value_of_a_buffer_serves_wherever_a_value_does(empty):
    empty.ask(asked("SET", "a", BIG, "EX", "100"))
    assert empty.ask(asked("INCR", "a") + asked("TYPE", "a") + asked("LPUSH", "a", "x") + asked("TTL", "a")) == (
        b"-ERR value is not an integer or out of range\r\n+string\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n:100\r\n"
    )
    assert empty.ask(asked("SET", BIG, "long key") + asked("GET", BIG)) == b"+OK\r\n" + bulk(b"long key")


def test_appends_leave_alone_what_was_answered_before(empty):
    start = b"s" * 20_000
    data = asked("SET", "a", start) + b"".join(asked("APPEND", "a", f"{k % 10}") + asked("GET", "a") for k in range(200))
    tail = b"".join(b"%d" % (k % 10) for k in range(200))
    expected = b"+OK\r\n" + b"".join(b":%d\r\n" % (20_001 + k) + bulk(start + tail[:k + 1]) for k in range(200))
    assert ask_while_reading(empty, data) == expected


def test_a_small_value_does_not_keep_what_it_came_in():
    decoder = request.CommandDecoder()
    block = zbuf.copied(asked("SET", "a", "x" * 100) * 400 + b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$9\r\nhalf")
    kept = decoder.feed(block)
    assert len(kept) == 400 and block.refcnt == 1
    (last,) = decoder.feed(zbuf.copied(b"-done\r\n"))
    assert last == (b"SET", b"a", b"half-done") and isinstance(last[2], bytes)


def test_a_large_value_stays_where_it_came_if_it_fills_it():
    decoder = request.CommandDecoder()
    parts = pieces(asked("SET", "a", BIG), range(60_000, len(BIG), 60_000))
    (last,) = [command for part in parts for command in decoder.feed(zbuf.copied(part))]
    assert isinstance(last[2], zbuf.ByteBuf) and last[2] == BIG
    assert last[2].retained_bytes() < 1.25 * len(BIG)


# -- what is no RESP


@pytest.mark.parametrize(
    "data, error",
    [
        (b"*1048577\r\n", "invalid multibulk length"),
        (b"*1x\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*\r\n", "invalid multibulk length"),
        (b"*99999999999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\nPING\r\n", "expected '$', got 'P'"),
        (b"*1\r\n\r\n", "expected '$', got nothing"),
        (b"*1\r\n\n\r\n", "expected '$', got '\\n'"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$\r\n", "invalid bulk length"),
        (b"*1\r\n$4\r\nPING!\r\n", "bulk is longer than it was said to be"),
        (b"*1\r\n$4\r\nPINGPING", "bulk is longer than it was said to be"),
        (b"*1\r\n$9\r\nPING\r\nPING\r\n", "bulk is longer than it was said to be"),
        (b"*2\r\n$70000\r\n" + b"x" * 70001 + b"\r\n", "bulk is longer than it was said to be"),
        (b"*" + b"1" * 70_000, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
        (b"x" * 70_000, "too big inline request"),
        (b"x" * 70_000 + b"\r\n", "too big inline request"),
        (b"GET \"a\r\n", "unbalanced quotes in request"),
        (b"GET 'a'b\r\n", "unbalanced quotes in request"),
    ],
)
def test_what_is_refused(redis, data, error):
    said = f"-ERR Protocol error: {error}\r\n".encode()
    assert redis.ask(data) == said
    behind = b"" if "count string" in error else b"\r\nPING\r\n"    # with its end, it would be no number
    assert redis.ask(b"PING\r\n" + data + behind) == b"+PONG\r\n" + said


def test_the_arguments_of_a_command_are_limited_together(monkeypatch):
    monkeypatch.setattr(request, "LARGEST_COMMAND", 1000)
    assert decoded([asked(*["x" * 100] * 10)] * 2) == [(b"x" * 100,) * 10] * 2
    with pytest.raises(request.ProtocolError, match="too big command"):
        decoded([b"*11\r\n" + b"$100\r\n%b\r\n" % (b"x" * 100) * 10 + b"$1\r\n"])


def test_what_is_only_announced_takes_no_memory(redis):
    before = redis.memory()
    socks = [redis.connect() for _ in range(20)]
    for sock in socks:
        sock.sendall(b"PING\r\n*1048576\r\n$536870912\r\nx")
        assert exactly(sock, 7) == b"+PONG\r\n"
    assert redis.memory() - before < 20 << 20
    for sock in socks:
        sock.close()


def test_noise_is_answered_or_refused_and_nothing_else(redis):
    chance = random.Random(4)
    alphabet = [b"*", b"$", b"\r\n", b"\n", b"1", b"3", b"PING", b"GET", b"\"", b"'", b"\\", b"\x00", b"\xff", b" ", b"-"]
    for _ in range(300):
        answer = redis.ask(b"".join(chance.choices(alphabet, k=chance.randrange(40))))
        assert answer == b"" or answer[:1] in b"+-$:*" and answer.endswith(b"\r\n")
    assert redis.ask(b"PING\r\n") == b"+PONG\r\n"


def test_whoever_goes_on_after_an_error_is_cut_off(redis):
    before = redis.sockets()
    with redis.connect() as sock:
        sock.sendall(b"*x\r\n")
        assert everything(sock).startswith(b"-ERR Protocol error")
        until(lambda: redis.sockets() == before)


# -- time


def test_a_key_is_gone_when_its_time_has_come(empty):
    with empty.connect() as sock:
        sock.sendall(b"SET a 1 PX 150\r\nSET b 1\r\nPEXPIRE b 150\r\nSET c 1 PX 150\r\nPERSIST c\r\nMGET a b c\r\n")
        expected = b"+OK\r\n+OK\r\n:1\r\n+OK\r\n:1\r\n*3\r\n" + 3 * b"$1\r\n1\r\n"
        assert exactly(sock, len(expected)) == expected
        time.sleep(0.2)
        sock.sendall(b"MGET a b c\r\nTTL a\r\nDBSIZE\r\n")
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock) == b"*3\r\n$-1\r\n$-1\r\n$1\r\n1\r\n:-2\r\n:1\r\n"


def test_a_deadline_that_is_set_anew_leaves_nothing_behind():
    deadlines = Deadlines()
    for k in range(10_000):
        deadlines.put(b"a", 1000.0 + k)
    assert len(deadlines) == 1 and len(deadlines._heap) < 100
    assert list(deadlines.passed(10_998.0)) == []
    deadlines.put(b"b", 5.0)
    deadlines.put(b"c", 6.0)
    del deadlines[b"c"]
    assert list(deadlines.passed(10_999.0)) == [b"b", b"a"] and not deadlines


# -- clients that take their time


@pytest.mark.parametrize("command, reply", [("GET", bulk(BIG)), ("LRANGE", b"*500\r\n" + bulk(BIG[:1000]) * 500)])
def test_who_does_not_read_is_not_answered_and_holds_nobody_up(empty, command, reply):
    asked_for = asked("GET", "big") if command == "GET" else asked("LRANGE", "list", "0", "-1")
    ask_while_reading(empty, asked("SET", "big", BIG) + asked("RPUSH", "list", *[BIG[:1000]] * 500))
    before = empty.memory()
    with empty.connect() as sock:
        sock.sendall(asked_for * 300 + b"PING\r\n")
        sock.shutdown(socket.SHUT_WR)
        for _ in range(20):
            assert empty.ask(b"PING\r\n") == b"+PONG\r\n"
            time.sleep(0.01)
        assert empty.memory() - before < 20 << 20    # of 300 MB that are shared, or 150 that are not
        for _ in range(300):
            assert exactly(sock, len(reply)) == reply
        assert everything(sock) == b"+PONG\r\n"


def test_a_value_lasts_until_it_is_sent(empty):
    empty.ask(asked("SET", "big", BIG))
    with empty.connect() as sock:
        sock.sendall(asked("GET", "big") * 20)
        time.sleep(0.05)
        empty.ask(asked("SET", "big", b"0" * len(BIG)) + asked("FLUSHALL"))
        got = exactly(sock, len(bulk(BIG)))
        assert got == bulk(BIG)


def test_who_goes_away_is_forgotten(empty):
    ask_while_reading(empty, asked("SET", "big", BIG))
    before = empty.sockets()
    for _ in range(20):
        with empty.connect() as sock:
            sock.sendall(asked("GET", "big") * 20)
            sock.recv(100)
    until(lambda: empty.sockets() == before)


# -- clients of others


needs = pytest.mark.skipif(shutil.which("redis-cli") is None or shutil.which("redis-benchmark") is None, reason="Redis's own clients are not here")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE, **options).stdout


@needs
def test_redis_cli(empty):
    said = "SET greeting 'hello world'\nGET greeting\nEXISTS greeting none\nLPUSH l a b\nLRANGE l 0 -1\nHELLO 2\nINFO\n"
    answer = run("redis-cli", "-p", str(empty.port), input=said.encode())
    assert answer.startswith(b"OK\nhello world\n1\n2\nb\na\nserver\nredis\n") and b"redis_version" in answer
    assert run("redis-cli", "-p", str(empty.port), "--scan", "--pattern", "g*") == b"greeting\n"
    piped = run("redis-cli", "-p", str(empty.port), "--pipe", input=b"".join(asked("SET", f"k{k}", "v") for k in range(5000)))
    assert b"errors: 0, replies: 5000" in piped
    assert run("redis-cli", "-p", str(empty.port), "dbsize") == b"5002\n"


@needs
@pytest.mark.parametrize("depth", ["1", "32"])
def test_redis_benchmark(empty, depth):
    tests = "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,lrange_100,mset"
    lines = run("redis-benchmark", "-p", str(empty.port), "-t", tests, "-n", "2000", "-P", depth, "-r", "100", "--csv", text=True).splitlines()
    assert len(lines) == 1 + 15 and "Error" not in "".join(lines)    # of ping there are two, and LRANGE pushes before
    assert b":0\r\n" != empty.ask(b"DBSIZE\r\n")
