"""What a run has measured: benchmarks/results/<name>.json, a head and a record a row."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("results")


class Results:
    """A file that is whole after every row: a run that is cut short keeps what it has."""

    def __init__(self, name: str, head: dict[str, Any]) -> None:
        """`name` may be a path, without its .json."""
        self.path = FOLDER / f"{name}.json"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._rows: list[dict[str, Any]] = []
        self._content = {"head": head, "rows": self._rows}
        self._write()

    def add(self, record: dict[str, Any]) -> None:
        self._rows.append(record)
        self._write()

    def _write(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self._content, indent=1) + "\n")
        new.replace(self.path)


def read(path: str | Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Head and records, of such a file or of what --json printed, which has no head."""
    content = json.loads(Path(path).read_text())
    return ({}, content) if isinstance(content, list) else (content["head"], content["rows"])
