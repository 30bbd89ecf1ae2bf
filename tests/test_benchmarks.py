"""`python -m benchmarks` runs and reports; how fast things are is not a test."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

# The root comes last, so that it does not hide an installed zbuf.
PROGRAM = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('benchmarks', run_name='__main__')"


def test_a_row_reports_every_contestant_with_its_ratio():
    command = [sys.executable, "-c", PROGRAM, str(ROOT), "--only", "C4", "--quick", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)
    assert [row["work"] for row in rows] == ["read_u16", "read_u32", "read_u64"]
    for row in rows:
        ours, *rivals = row["contestants"]
        assert ours["name"] == "zbuf" and ours["ratio"] is None
        assert {"Struct.unpack_from", "int.from_bytes(b[i:j])"} <= {rival["name"] for rival in rivals}
        for contestant in row["contestants"]:
            low, high = contestant["quartiles"]
            assert 0 < low <= contestant["median"] <= high
        assert all(rival["ratio"] > 0 for rival in rivals)
