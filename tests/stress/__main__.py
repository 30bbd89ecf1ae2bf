"""Every scenario in turn, again and again: python -m tests.stress [--minutes N] [--seed N] [SCENARIO ...]"""

import argparse
import sys
import time

import zbuf
from . import scenarios
from .threads import Turns

ROUND = 5   # seconds for one scenario


def main():
    by_name = {scenario.__name__: scenario for scenario in scenarios.ALL}
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("scenario", nargs="*", choices=[*by_name, []])
    wanted = parser.parse_args()
    chosen = [by_name[name] for name in wanted.scenario or by_name]
    seconds = min(ROUND, wanted.minutes * 60 / len(chosen))
    end, seed = time.monotonic() + wanted.minutes * 60, wanted.seed
    while time.monotonic() < end:
        for scenario in chosen:
            scenario(Turns(seconds=seconds), seed)
            print(f"seed {seed}: {scenario.__name__}", flush=True)
        seed += 1
    print(f"GIL {'on' if getattr(sys, '_is_gil_enabled', lambda: True)() else 'off'}, {len(zbuf.default_allocator().live())} live blocks")


if __name__ == "__main__":
    main()
