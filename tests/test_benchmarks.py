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


@pytest.fixture
def run(tmp_path):
    """The command in a process of its own; what it keeps is run.json and run.md, unless it is told otherwise."""
    def run(*arguments, **environment):
        command = [sys.executable, "-c", PROGRAM, str(ROOT), "--quick", "--results", str(tmp_path / "run"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})

    return run


def test_a_row_reports_every_contestant_with_its_ratio(run):
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


def test_without_java_netty_is_named_as_not_run(run, tmp_path):
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


def test_a_table_of_two_runs_shows_what_only_one_has_once():
    from benchmarks._report import lines

    def result(*medians):
        names = ("zbuf", "bytes", "Netty")
        rivals = [{"name": name, "median": m, "ratio": 2.0, "target": None, "met": None} for name, m in zip(names, medians)]
        return {"row": "C1", "work": "wait", "unit": "ns", "contestants": rivals}

    assert lines(result(20.0, 10.0, 30.0), result(22.0, 11.0)) == [
        "| C1 | wait | ns | 20.0 / 22.0 | bytes | 10.0 / 11.0 | 2.00x |  |  |",
        "| | | | | Netty | 30.0 | 2.00x |  |  |",
    ]


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


def test_there_is_no_ratio_to_nothing():
    from benchmarks import _table
    from benchmarks._row import Figure, Row, measure

    result = measure(Row("I9", "", [Figure("zbuf", lambda: 2.0), Figure("none", lambda: 0.0)], {"none": 1}), 1, 0)
    assert (result.ratio("none"), result.met("none", False)) == (None, None)
    assert [cells[5:] for cells in _table.lines(result, False)] == [("", "", ""), ("", "1x", "")]


def test_a_run_that_is_cut_short_has_printed_what_was_there(capsys):
    from benchmarks.__main__ import print_json

    def records():
        yield {"row": 1}
        yield {"row": 2}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        print_json(records())
    assert json.loads(capsys.readouterr().out + "]") == [{"row": 1}, {"row": 2}]
    print_json(iter(()))
    assert json.loads(capsys.readouterr().out) == []


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


# -- what is kept


def in_this_process(monkeypatch, rows, *arguments):
    from benchmarks import __main__ as command

    monkeypatch.setattr(command, "rows", lambda only: rows)
    monkeypatch.setattr(sys, "argv", ["benchmarks", *map(str, arguments)])
    command.main()


def figures(id, *names, value=1.0, unit="ns", rate=False):
    from benchmarks._row import Figure, Row

    return Row(id, "work", [Figure(name, lambda: value) for name in names], unit=unit, rate=rate)


def test_a_run_is_kept_with_what_it_was_made_on(run, tmp_path):
    printed = json.loads(run("--only", "C9", "--json").stdout)
    kept = json.loads((tmp_path / "run.json").read_text())
    assert [{**row, "took": None} for row in printed] == [{**row, "took": None} for row in kept["rows"]]
    assert all(row["took"] >= 0 for row in kept["rows"])
    assert kept["head"]["interpreter"].split()[1] == ".".join(map(str, sys.version_info[:3]))
    assert kept["head"]["cores"] >= 1 and kept["head"]["optimised"] in (True, False) and kept["head"]["cpu"]
    report = (tmp_path / "run.md").read_text()
    assert "| C9 | len(buf) | ns |" in report and f"- cpu: {kept['head']['cpu']}\n" in report


def test_a_run_that_is_cut_short_keeps_the_rows_before(monkeypatch, tmp_path, capsys):
    from benchmarks._results import read
    from benchmarks._row import Figure, Row

    def cut():
        raise KeyboardInterrupt

    rows = [figures("C1", "zbuf", "rival"), Row("C2", "cut", [Figure("zbuf", cut)])]
    with pytest.raises(KeyboardInterrupt):
        in_this_process(monkeypatch, rows, "--json", "--results", tmp_path / "cut")
    assert [row["row"] for row in read(tmp_path / "cut.json")[1]] == ["C1"]
    assert "| C1 | work |" in (tmp_path / "cut.md").read_text()
    assert json.loads(capsys.readouterr().out + "]")[0]["row"] == "C1"


def test_a_run_keeps_nothing_half_written(tmp_path):
    from benchmarks._results import Results, read

    results = Results(str(tmp_path / "run"), {"zbuf": "1"})
    with pytest.raises(TypeError, match="not JSON serializable"):
        results.add({"row": object()})
    assert read(results.path) == ({"zbuf": "1"}, [])


def test_rows_are_asked_for_by_name_or_letter(monkeypatch):
    from benchmarks import _rows

    monkeypatch.setattr(_rows, "every", lambda: [figures(id, "zbuf") for id in ("N10", "C13b", "N2", "C13", "C2")])
    assert [row.id for row in _rows.rows(None)] == ["C2", "C13", "C13b", "N2", "N10"]
    assert [row.id for row in _rows.rows("C13,N")] == ["C13", "N2", "N10"]


def test_a_run_that_is_watched_says_what_it_does(run):
    said = run("--only", "C9").stderr.splitlines()
    assert said == ["1/2 C9 len(buf)", "2/2 C9 buf[i]"]
    assert run("--only", "C9", "--json").stderr == ""


def test_a_terminal_sees_it_beside_json_for_a_program(tmp_path):
    """As a bar where there is rich, as lines where there is none."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", PROGRAM, str(ROOT), "--quick", "--json", "--only", "C9", "--results", str(tmp_path / "run")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    assert b"C9 buf[i]" in os.read(ours, 1 << 16)
    os.close(ours)
    assert len(json.loads(done.stdout)) == 2


# -- what has changed


def kept(id, unit="ns", rate=False, **quartiles):
    contestants = [{"name": name, "median": sum(ends) / 2, "quartiles": ends} for name, ends in quartiles.items()]
    return {"row": id, "work": "work", "unit": unit, "rate": rate, "contestants": contestants}


def marks(old, new):
    from benchmarks._compare import changes

    return [(change.row["row"], change.name, change.mark) for change in changes(old, new)]


def test_a_change_is_marked_if_it_is_more_than_both_runs_waver():
    old = [kept("C1", zbuf=(90, 110), zbuf_slow=(99, 101), rival=(99, 101), gone=(1, 1))]
    assert marks(old, old) == [("C1", "zbuf", ""), ("C1", "zbuf_slow", ""), ("C1", "rival", ""), ("C1", "gone", "")]
    new = [kept("C1", zbuf=(109, 130), zbuf_slow=(102, 104), rival=(110, 112), come=(1, 1))]
    assert marks(old, new) == [("C1", "zbuf", ""), ("C1", "zbuf_slow", ""), ("C1", "rival", "WORSE")]
    assert marks(new, old)[-1] == ("C1", "rival", "better")


def test_of_a_rate_more_is_no_worse():
    slow, fast = [kept("I6", rate=True, zbuf=(1, 1.1))], [kept("I6", rate=True, zbuf=(2, 2.1))]
    assert (marks(slow, fast), marks(fast, slow)) == ([("I6", "zbuf", "better")], [("I6", "zbuf", "WORSE")])


def test_instructions_come_first_and_a_hundredth_of_them_counts():
    old = [kept("C1", zbuf=(100, 100), rival=(100, 100)), kept("N1", unit="instructions", zbuf=(1000, 1000))]
    new = [kept("C1", zbuf=(103, 103), rival=(103, 103)), kept("N1", unit="instructions", zbuf=(1011, 1011))]
    assert marks(old, new) == [("N1", "zbuf", "WORSE"), ("C1", "zbuf", ""), ("C1", "rival", "")]


def test_what_did_not_run_or_needs_nothing_has_no_ratio():
    none = [{**kept("C1"), "contestants": [{"name": "Netty", "median": None, "quartiles": None}]}]
    assert marks(none, none) == []
    assert marks([kept("C21", zbuf=(0, 0))], [kept("C21", zbuf=(1, 1))]) == [("C21", "zbuf", "")]


def test_a_run_is_held_against_the_one_it_replaces(monkeypatch, tmp_path, capsys):
    for value in (100.0, 120.0):
        rows = [figures("C1", "zbuf", value=value)]
        asked = ["--compare", tmp_path / "run.json"] if value > 100 else []
        in_this_process(monkeypatch, rows, "--results", tmp_path / "run", *asked)
    table = capsys.readouterr().out.splitlines()
    assert table[-2].split() == ["C1", "work", "zbuf", "100", "120", "1.200x", "WORSE"]
    assert table[-1] == "1 of 1 have changed"


# -- instructions


def test_without_valgrind_instructions_are_not_run(run, tmp_path):
    (row,) = json.loads(run("--only", "N4", "--json", PATH=str(tmp_path)).stdout)
    assert row["unit"] == "instructions" and row["contestants"][0]["median"] is None
    (line,) = [line for line in run("--only", "N4", PATH=str(tmp_path)).stdout.splitlines() if "N4" in line]
    assert line.split() == ["N4", "read_u32", "zbuf", "not", "run"]
    assert "| N4 | read_u32 | instructions | not run |" in (tmp_path / "run.md").read_text()


def test_starting_and_looping_are_not_counted(monkeypatch):
    from benchmarks import bench_instructions

    def refs(program):
        once = [10**9 + full * (7 * 100 + 3) + (300 - full) * 3 for full in (100, 200, 100)]
        return [[number + 8000 * k for k, number in enumerate(once)]]    # the parent goes on meanwhile

    monkeypatch.setattr(bench_instructions, "refs", refs)
    assert bench_instructions.counts([3]) == [7]


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_instructions_are_the_same_each_time():
    from benchmarks.bench_instructions import counts

    one, other = counts([3]), counts([3])
    assert 10 < one[0] < 1000 and one == pytest.approx(other, rel=0.005)


# -- growth


DOUBLING = [2**k for k in range(8)]


def grown(cost):
    return [(n, cost(n)) for n in DOUBLING]


@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_an_exponent_is_that_of_the_curve(power):
    from benchmarks._fit import exponent, halves

    points = grown(lambda n: 30 * n**power)
    assert [exponent(points), *halves(points)] == pytest.approx([power] * 3)


def test_a_curve_is_flagged_if_it_bends_up():
    from benchmarks._fit import bends_up

    assert bends_up(grown(lambda n: 30 + n), 0)
    assert bends_up(grown(lambda n: n + n * n / 16), 1)
    assert not bends_up(grown(lambda n: 30 + n), 1)       # the constant beside what is linear
    assert not bends_up(grown(lambda n: 30 * n**0.1), 0)
    assert not bends_up([(n, 30 + (n == 1)) for n in DOUBLING], 0)    # noise


def test_the_report_of_growth_names_the_curve_that_bends(monkeypatch, tmp_path, capsys):
    from benchmarks import growth
    from benchmarks._results import read

    curves = [growth.Curve("slow", "parts", DOUBLING, lambda n: 30 + n), growth.Curve("flat", "bytes", DOUBLING, lambda n: 30)]
    monkeypatch.setattr(growth, "curves", lambda: curves)
    in_this_process(monkeypatch, [], "--growth", "--results", tmp_path / "growth")
    _, slow, flat = capsys.readouterr().out.splitlines()
    assert slow.startswith("slow") and slow.endswith("BENDS UP") and flat.split()[-3:] == ["0.00", "0.00", "0.00"]
    assert [row["bends"] for row in read(tmp_path / "growth.json")[1]] == [True, False]


def test_every_curve_has_a_cost_and_points_for_both_halves():
    from benchmarks import growth

    for curve in [*growth.BY_BYTES, *growth.BY_PARTS, *growth.BY_LIVE, *growth.BY_VIEWS, *growth.by_threads()]:
        assert len(curve.points) >= 6
        assert isinstance(curve.cost(curve.points[0]), float)


def test_threads_are_asked_where_they_run_at_once(monkeypatch):
    from benchmarks import growth

    for enabled in (True, False):
        monkeypatch.setattr(sys, "_is_gil_enabled", lambda: enabled, raising=False)
        assert ("threads" in {curve.against for curve in growth.curves()}) != enabled
    assert growth.at_once(lambda: None)(2) > 0


# -- plots


def test_what_is_drawn_gives_the_same_result_in_all_contestants():
    from benchmarks import plots

    for plot in plots.PLOTS:
        row = plot.rows()[0]
        assert (row.id, row.work, row.targets) == (plot.name, str(plot.points[0]), {})
        contestants = row.open()
        assert contestants[0].name.startswith("zbuf")
        for contestant in contestants:
            contestant.close()


def test_of_the_same_figures_the_same_plot_is_drawn(tmp_path):
    from benchmarks import plots

    records = [{**kept("slice", zbuf=(30, 30 + n), Netty=(9, 10)), "work": str(n)} for n in (16, 64, 4096)]
    records[0]["contestants"].append({"name": "not run", "median": None, "quartiles": None})
    drawn = []
    for _ in range(2):
        plots.draw(records, tmp_path)
        drawn.append((tmp_path / "slice.svg").read_text())
    assert drawn[0] == drawn[1] and "<dc:date>" not in drawn[0]
    assert [path.name for path in tmp_path.iterdir()] == ["slice.svg"]
    assert all(word in drawn[0] for word in ("zbuf", "Netty", "4 Ki", "nanoseconds")) and "not run" not in drawn[0]


def test_a_plot_is_asked_for_by_its_name():
    from benchmarks import plots

    assert {row.id for row in plots.rows(None)} == {plot.name for plot in plots.PLOTS}
    assert {row.id for row in plots.rows("slice,find")} == {"slice", "find"}


# -- memory


def test_all_that_a_trace_makes_it_gives_back():
    from benchmarks._trace import Trace

    made, given = [], []
    trace = Trace(lambda size: made.append(size) or size, given.append, lambda: len(made), 6)
    (most, at), (later, later_at) = trace.run()
    assert most > later > trace.requested > 0 and at < later_at < len(made)
    trace.drain()
    assert sorted(given) == sorted(made)


def test_memory_that_the_trace_itself_takes_is_not_counted(monkeypatch):
    from benchmarks import bench_resident

    lives = {"zbuf": {"live": 100, "peak": 150, "drained": 0}, "nothing": {"live": 100, "peak": 20, "drained": 5}}
    monkeypatch.setattr(bench_resident, "life", lambda kind, mib: lives[kind])
    assert (bench_resident.held("zbuf", 6, "peak"), bench_resident.held("zbuf", 6, "drained")) == (130, 0)


def test_without_jemalloc_it_is_named_as_not_run(monkeypatch):
    from benchmarks import bench_resident
    from benchmarks._row import measure

    monkeypatch.setattr(bench_resident, "JEMALLOC", None)
    result = measure(bench_resident.row("", "", lambda kind: 1.0), 3, 0)
    assert [result.ran(name) for name in result.names()] == [True, True, False, True]


# -- rivals


class Taking(bytearray):
    """As bytearray is from Python 3.15 on."""

    def take_bytes(self, n):
        taken = bytes(self[:n])
        del self[:n]
        return taken


def test_who_takes_bytes_gets_the_same(monkeypatch):
    from benchmarks import bench_codec, bench_linear

    for module in (bench_codec, bench_linear):
        monkeypatch.setattr(module, "bytearray", Taking, raising=False)
    assert bench_codec.bytearray_and_take_bytes(bench_codec.FRAGMENTS) == bench_codec.bytearray_and_del(bench_codec.FRAGMENTS)
    assert bench_linear.take_bytes_drain(10) == 10 * len(bench_linear.PART)


@pytest.mark.parametrize("id", ["C15", "C22", "F3", "F4"])
def test_all_who_share_or_split_give_the_same(run, id):
    for row in json.loads(run("--only", id, "--json").stdout):
        assert all(each["median"] is not None for each in row["contestants"])


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
