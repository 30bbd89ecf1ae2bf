"""C19: how long does `import zbuf` take in a fresh interpreter?"""

import subprocess
import sys

from benchmarks._row import Figure, Row

PROGRAM = "import time; start = time.thread_time(); import {}; print((time.thread_time() - start) * 1e3)"


def importing(module: str) -> float:
    program = PROGRAM.format(module)
    return float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)


ROWS = [
    Row(
        "C19",
        "import",
        [
            Figure("zbuf", lambda: importing("zbuf")),
            Figure("struct, io, collections", lambda: importing("struct, io, collections")),
            Figure("asyncio", lambda: importing("asyncio")),
        ],
        limit=8,
        unit="ms",
        samples=15,
    )
]
