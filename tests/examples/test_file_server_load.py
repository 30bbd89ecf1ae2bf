"""The file server under load, while its files are replaced and truncated."""

import contextlib
import gzip
import http.client
import os
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor

from serving import until

CLIENTS = 24
REQUESTS = 40    # of each client
SIZES = [100, 5_000, 40_000, 300_000, 2_000_000]    # gzip, read, sendfile, several turns
STAMP = 8    # bytes: which version of a file it is


def version(size):
    """A file that says the same throughout, and has no zero."""
    return bytes(random.choices(range(1, 256), k=STAMP)) * (size // STAMP)


class Changing(threading.Thread):
    """Replaces files, and truncates those that may be, until it is stopped."""

    def __init__(self, root):
        super().__init__()
        self.root, self.stopped, self.chance = root, threading.Event(), random.Random(3)

    def replace(self, name, size):
        new = self.root / "new"
        new.write_bytes(version(size))
        os.replace(new, self.root / name)

    def run(self):
        while not self.stopped.is_set():
            size = self.chance.choice(SIZES)
            self.replace(f"whole-{size}.txt", size)
            self.replace(f"cut-{size}.txt", size)
            os.truncate(self.root / f"cut-{size}.txt", self.chance.randrange(size) // STAMP * STAMP)


def ask(client, name, coding):
    """Give a body and whether it is whole."""
    try:
        client.request("GET", "/" + name, headers={"Accept-Encoding": coding})
        answer = client.getresponse()
        body = answer.read()
    except http.client.IncompleteRead as error:
        client.close()
        return error.partial, False
    except ConnectionError:
        client.close()
        return b"", False
    if answer.headers["Content-Encoding"] == "gzip":
        body = gzip.decompress(body)
    return (body, True) if answer.status == 200 else (b"", False)


def check_one_version(body, may_have_zeros):
    # Of what is cut off while it is on its way, sendfile may send zeros: as many as
    # lie in one piece of the page cache, with data between those not yet written.
    assert may_have_zeros or b"\0" not in body
    runs = [(run.start(), run[0]) for run in re.finditer(rb"[^\0]+", body)]
    start, longest = max(runs, key=lambda run: len(run[1]), default=(0, b""))
    should = longest[-start % STAMP :][:STAMP] * (len(body) // STAMP + 1)
    assert all(run == should[start : start + len(run)] for start, run in runs), "two versions in one body"


def download(server, seed):
    """Give how many bodies were whole, and how many were not."""
    chance, counts = random.Random(seed), [0, 0]
    with contextlib.closing(server.client()) as client:
        for _ in range(REQUESTS):
            size, kind = chance.choice(SIZES), chance.choice(["whole", "cut"])
            body, whole = ask(client, f"{kind}-{size}.txt", chance.choice(["gzip", "identity"]))
            if kind == "whole":
                assert (len(body), whole) == (size // STAMP * STAMP, True)
            check_one_version(body, kind == "cut")
            counts[not whole] += 1
    return counts


def test_every_body_is_one_version_and_what_is_replaced_is_whole(server):
    changing = Changing(server.root)
    for size in SIZES:
        changing.replace(f"whole-{size}.txt", size)
        changing.replace(f"cut-{size}.txt", size)
    before = server.sockets()
    changing.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            counts = list(pool.map(lambda seed: download(server, seed), range(CLIENTS)))
    finally:
        changing.stopped.set()
        changing.join()
    whole, cut = map(sum, zip(*counts))
    assert whole > cut and whole + cut == CLIENTS * REQUESTS
    until(lambda: server.sockets() == before)    # and no connection is left
    assert server.get("/whole-100.txt")[2] == (server.root / "whole-100.txt").read_bytes()
