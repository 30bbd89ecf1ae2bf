"""zbuf does what Netty did, step by step, or what a rule says that it does instead."""

import json
from dataclasses import replace

import pytest

from . import __main__ as report
from . import adapter, codecs, deviations
from .recordings import KEPT, SHARED, Scenario, files, scenarios
from .replay import replay, replay_files
from .totals import Totals

# Per file: scenarios, steps, and steps that are as recorded. Fewer would be a loss.
EXPECTED = {
    "capacity": (26, 689, 671),
    "codecs": (219, 11_681, 11_605),
    "directed": (1_011, 25_854, 20_852),
    "quirks": (13, 71, 26),
    "util": (103, 7_040, 6_456),
    "walks_composite": (100, 30_159, 24_258),
    "walks_pooled": (100, 30_295, 25_938),
    "walks_unpooled": (100, 30_241, 26_318),
}


@pytest.fixture(scope="module")
def totals() -> Totals:
    return replay_files(files(KEPT))


def test_every_step_is_as_recorded_or_covered_by_a_rule(totals):
    assert totals.failures == []
    assert totals.whole.failed == 0


def test_as_many_steps_are_compared_as_ever(totals):
    assert {name: (count.steps, count.equal) for name, count in totals.by_file.items()} == {
        name: expected[1:] for name, expected in EXPECTED.items()}


def test_outside_the_composite_walks_four_of_five_steps_need_no_rule(totals):
    others = [count for name, count in totals.by_file.items() if name != "walks_composite"]
    assert sum(count.equal for count in others) / sum(count.steps for count in others) >= 0.8


def test_every_rule_covers_something(totals):
    names = [rule.name for rule in [*deviations.RULES, *codecs.CODEC_RULES]]
    assert len(set(names)) == len(names)
    assert set(totals.whole.covered) == set(names)


def test_every_line_of_the_table_is_used(totals):
    assert set(adapter.TABLE) <= set(totals.by_op)


def test_the_recordings_kept_here_are_all_there_are():
    assert {path.name.partition(".")[0]: sum(1 for _ in scenarios(path)) for path in files(KEPT)} == {
        name: expected[0] for name, expected in EXPECTED.items()}
    for shared in SHARED.rglob("*.jsonl.gz"):
        kept = KEPT / shared.name.replace(".gz", ".xz")
        assert [scenario.id for scenario in scenarios(kept)] == [scenario.id for scenario in scenarios(shared)]
    assert sum(path.stat().st_size for path in files(KEPT)) <= 1_500_000


def scenario_of(name: str, wanted: str) -> Scenario:
    return next(each for each in scenarios(KEPT / f"{name}.jsonl.xz") if each.id.startswith(wanted))


# -- that the replay can fail

@pytest.mark.parametrize(("op", "wrong"), [
    ("get_int", lambda buf, i: buf.get_i32(i) ^ 1),                 # an accessor that reads a wrong bit
    ("read_int", lambda buf: buf.get_i32(buf.reader_index)),        # one that does not move the reader
    ("write_int", lambda buf, v: buf.write_i32_le(v)),              # one of the other byte order
    ("skip_bytes", lambda buf, n: buf.skip(max(n, 0))),             # a size that is not refused
    ("set_index", lambda buf, r, w: buf.set_indices(0, w)),         # an index rule
    ("slice_range", lambda buf, i, n: buf.copy(i, n)),              # a copy where memory is shared
    ("release", lambda buf: buf.release() and False),
])
def test_a_wrong_call_is_seen(monkeypatch, op, wrong):
    monkeypatch.setitem(adapter.TABLE, op, replace(adapter.TABLE[op], call=wrong))
    totals = Totals()
    for scenario in list(scenarios(KEPT / "walks_unpooled.jsonl.xz"))[:12]:
        replay(scenario, "walks_unpooled", totals)
    assert totals.by_op[op].failed > 0
    assert any(f": {op} on " in failure for failure in totals.failures)


def test_a_wrong_recording_is_seen():
    scenario = scenario_of("directed", "directed/lifetime/")
    step = scenario.steps[1]
    for wrong in (replace(step, result=7), replace(step, raises="ReadOnly"),
                  replace(step, state={"b0": {**step.state["b0"], "writer": 11}})):
        totals = Totals()
        replay(replace(scenario, steps=[scenario.steps[0], wrong]), "wrong", totals)
        assert totals.whole.failed == 1


def test_a_wrong_frame_is_seen(monkeypatch):
    scenario = scenario_of("codecs", "codec/length_field_based_frame_decoder/0")
    plain = codecs.CODECS[scenario.setup["codec"]]
    monkeypatch.setitem(codecs.CODECS, scenario.setup["codec"], lambda c: plain({**c, "initial_bytes_to_strip": 1}))
    totals = Totals()
    codecs.replay(scenario, "codecs", totals)
    assert totals.by_op["feed"].failed > 0


# -- the report

def test_the_report_shows_every_file_operation_and_failure(tmp_path, monkeypatch, capsys):
    kept = (KEPT / "quirks.jsonl.xz").read_bytes()
    (tmp_path / "quirks.jsonl.xz").write_bytes(kept)
    assert report.main([str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "quirks " in text and "read_only_write_byte" not in text and "retained_slice_range" in text
    monkeypatch.setitem(adapter.TABLE, "set_index", replace(adapter.TABLE["set_index"], call=lambda buf, r, w: None))
    assert report.main([str(tmp_path), "--json"]) == 1
    made = json.loads(capsys.readouterr().out)
    assert made["all"]["steps"] == made["files"]["quirks"]["steps"] == EXPECTED["quirks"][1]
    assert made["operations"]["set_index"]["failed"] == sum(": set_index on " in each for each in made["failures"]) > 0


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no .*jsonl.gz .* in "):
        report.main([str(tmp_path)])
