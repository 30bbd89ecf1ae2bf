"""The command line: `python -m zbuf COMMAND`."""

from __future__ import annotations

import argparse
import sys

from zbuf.audit import command as audit
from zbuf.demo import command as demo


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m zbuf", description="What zbuf can show of itself.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    demonstration = commands.add_parser("demo", help="send files in five ways; verify and measure each")
    demo.add_arguments(demonstration)
    demonstration.set_defaults(run=demo.main)
    auditing = commands.add_parser("audit", help="prove what each way of sending a file copies, and measure it")
    audit.add_arguments(auditing)
    auditing.set_defaults(run=audit.main)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
