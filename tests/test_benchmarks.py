"""`python -m benchmarks` runs and reports; how fast things are is not a test."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# The root comes last, so that it does not hide an installed zbuf.
PROGRAM = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('benchmarks', run_name='__main__')"

# What bench.Samples says: of one work what it results in, then a sample for each line.
SAMPLES = """
import json, sys
print(json.dumps({"result": [1, ["00ff", sys.stdin.readline().split()[1]]]}), flush=True)
for line in sys.stdin:
    print(json.dumps({"ns": int(line) / 4}), flush=True)
"""


@pytest.fixture(autouse=True)
def root(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])


def run(*arguments, **environment):
    command = [sys.executable, "-c", PROGRAM, str(ROOT), "--quick", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})


def test_a_row_reports_every_contestant_with_its_ratio():
    rows = json.loads(run("--only", "C4", "--json").stdout)
    assert [row["work"] for row in rows] == ["read_u16", "read_u32", "read_u64"]
    for row in rows:
        ours, *rivals = row["contestants"]
        assert ours["name"] == "zbuf" and ours["ratio"] is None
        assert {"Struct.unpack_from", "int.from_bytes(b[i:j])"} <= {rival["name"] for rival in rivals}
        assert not any("Netty" in rival["name"] for rival in rivals)
        for contestant in row["contestants"]:
            low, high = contestant["quartiles"]
            assert 0 < low <= contestant["median"] <= high
        assert all(rival["ratio"] > 0 for rival in rivals)


def test_without_java_netty_is_named_as_not_run(tmp_path):
    asked = ["--only", "C5", "--netty"]
    done = run(*asked, "--json", JAVA_HOME=str(tmp_path))
    (row,) = json.loads(done.stdout)
    (netty,) = [each for each in row["contestants"] if each["name"] == "Netty"]
    assert netty == {"name": "Netty", "median": None, "quartiles": None, "ratio": None, "target": None, "met": None}
    assert done.stderr == "no Java, or no Netty: not run\n"
    (line,) = [line for line in run(*asked, JAVA_HOME=str(tmp_path)).stdout.splitlines() if "Netty" in line]
    assert line.split() == ["Netty", "not", "run"]


def speaking(monkeypatch, program):
    """A contestant whose process is a Python program."""
    from benchmarks import _java, _netty

    class Build(_java.Build):
        def command(self, main, *arguments, options=()):
            assert main == "Samples" and "-Dio.netty.allocator.type=pooled" in options
            return [sys.executable, "-c", program]

    made = Build(path="", netty="4", java="17", transport="nio", allocators=["pooled"])
    monkeypatch.setattr(_java, "build", lambda: made)
    monkeypatch.setattr(_netty, "ASKED", True)
    return _netty


def test_what_netty_says_is_numbers_lists_and_bytes():
    from benchmarks._netty import decoded

    assert decoded(json.loads('[1, "00ff", ["", [-2]]]')) == [1, b"\x00\xff", [b"", [-2]]]
    with pytest.raises(ValueError, match="non-hexadecimal"):
        decoded("adaptive")


def test_a_contestant_of_netty_is_asked_for_samples(monkeypatch):
    netty = speaking(monkeypatch, SAMPLES).Netty("work", b"\x01\xfe", allocator="pooled", times=2)
    assert netty.present() and netty.wanted
    netty.open()
    assert netty.result() == [[1, [b"\x00\xff", b"\x01\xfe"]]] * 2
    assert netty.sample(0.003) == 750_000.0
    netty.close()
    assert netty._process.returncode == 0


def test_a_netty_that_has_no_such_allocator_is_not_present(monkeypatch):
    module = speaking(monkeypatch, SAMPLES)
    assert not module.Netty("work", allocator="adaptive").present()
    assert module.Netty("work").present()


@pytest.mark.parametrize(("program", "says"), [("", "''"), ("print('no such directory')", r"'no such directory\\n'")])
def test_what_is_not_json_is_an_error_not_a_figure(monkeypatch, program, says):
    program = f"import sys; sys.stdin.readline(); {program}"
    netty = speaking(monkeypatch, program).Netty("work", 5, allocator="pooled")
    with pytest.raises(RuntimeError, match=f"^Netty, pooled, asked for 'work 5', says {says}$"):
        netty.open()
    netty.close()


def test_arguments_are_words():
    from benchmarks._netty import word

    assert [word(each) for each in (5, "/tmp", b"\x01\xfe", [1, 2], [b"\x03", b"\x04"])] == ["5", "/tmp", "01fe", "1,2", "03,04"]


def test_of_a_rate_more_is_better():
    from benchmarks._row import Figure, Row, measure

    figures = [Figure("zbuf", lambda: 2.0), Figure("slow", lambda: 1.0), Figure("fast", lambda: 4.0)]
    targets = {"slow": 0.95, "fast": 0.95}
    for rate in (True, False):
        result = measure(Row("I6", "", figures, targets, rate=rate), 3, 0)
        assert (result.met("slow", False), result.met("fast", False)) == (rate, not rate)


def load(port, size=64, answer=64):
    from benchmarks._compile import program

    command = [program(ROOT / "benchmarks" / "load" / "load.c"), str(port), "3", "4", str(size), str(answer), "0.05"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


KINDS = ["WithZbuf", "WithBytes", "Receiver/asyncio", "Protocol/asyncio", "streams"]


@pytest.mark.parametrize(("service", "kind"), [*product(["echo", "get"], KINDS), ("get", "WithCython")])
def test_the_load_counts_what_a_server_answers(service, kind):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "benchmarks.load", service, kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as server:
        done = load(json.loads(server.stdout.readline())["port"], size=64 if service == "echo" else 16)
        server.communicate(timeout=60)    # ends with its input
    counted = json.loads(done.stdout)
    assert counted["messages"] >= 3 * 4 and counted["messages"] % 4 == 0 and counted["seconds"] > 0


def test_the_load_sees_that_other_bytes_come_back():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def garble():
            peer = listener.accept()[0]
            with peer:
                peer.sendall(peer.recv(16)[:-1] + b"?")
                peer.recv(1 << 16)
        thread = threading.Thread(target=garble)
        thread.start()
        done = load(listener.getsockname()[1])
        thread.join()
    assert (done.returncode, done.stderr) == (1, "what came is not the answer\n")


@pytest.mark.skipif(shutil.which("redis-benchmark") is None, reason="redis-benchmark is not here")
@pytest.mark.parametrize("figure", ["a second", "processor time", "p99"])
def test_redis_benchmark_asks_the_example_and_its_rival(monkeypatch, figure):
    from benchmarks._row import Row, measure
    from benchmarks.bench_resp import Example, Rival

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    asked = ("get", 64, 4, figure)
    row = Row("I12", "", [Example("zbuf", *asked), Rival("bytes", *asked, needs="uvloop")])
    result = measure(row, 1, 0.0005)
    assert all(result.median(name) > 0 for name in result.names())
