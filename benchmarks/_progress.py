"""How far a run is, on standard error; drawn between rows, so that it costs none of them."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(total: int, silent: bool) -> Iterator[Callable[[str], None]]:
    """A function to be told what comes next."""
    if silent:
        yield lambda title: None
    elif sys.stderr.isatty() and importlib.util.find_spec("rich") is not None:
        with bar(total) as told:
            yield told
    else:
        yield plain(total)


def plain(total: int) -> Callable[[str], None]:
    numbers = iter(range(1, total + 1))
    return lambda title: print(f"{next(numbers)}/{total} {title}", file=sys.stderr, flush=True)


@contextmanager
def bar(total: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)]
    # What is printed meanwhile goes through it only where both are the terminal.
    with Progress(
        *columns, console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=sys.stdout.isatty()
    ) as drawn:
        task = drawn.add_task("", total=total)
        numbers = iter(range(total))
        yield lambda title: drawn.update(task, description=title, completed=next(numbers), refresh=True)
