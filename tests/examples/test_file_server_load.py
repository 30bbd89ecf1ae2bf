"""The file server under load, while its files are replaced and truncated."""

import http.client
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

from test_file_server import until

CLIENTS = 24
REQUESTS = 40    # of each client
SIZES = [100, 5_000, 40_000, 300_000, 2_000_000]    # gzip, read, sendfile, several turns
STAMP = 8    # bytes: which version of a file it is


def version(size):
    """A file whose every eighth of a byte run says the same."""
    return os.urandom(STAMP) * (size // STAMP)


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


def ask(client, name):
    """Give a body and whether it was cut short."""
    try:
        client.request("GET", "/" + name)
        answer = client.getresponse()
        assert answer.status == 200, answer.status
        return answer.read(), False
    except http.client.IncompleteRead as error:
        client.close()
        return error.partial, True
    except (ConnectionResetError, http.client.RemoteDisconnected):
        client.close()
        return b"", True


def download(server, seed):
    """Give how many bodies were whole, and how many were cut short."""
    chance, counts = random.Random(seed), [0, 0]
    client = server.client()
    for _ in range(REQUESTS):
        size, kind = chance.choice(SIZES), chance.choice(["whole", "cut"])
        body, short = ask(client, f"{kind}-{size}.txt")
        assert body == (body[:STAMP] * (len(body) // STAMP + 1))[: len(body)], "two versions in one body"
        assert kind == "cut" or (len(body), short) == (size // STAMP * STAMP, False)
        counts[short] += 1
    client.close()
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
    assert sum(map(sum, counts)) == CLIENTS * REQUESTS
    until(lambda: server.sockets() == before)    # and no connection is left
    assert server.get("/whole-100.txt")[2] == (server.root / "whole-100.txt").read_bytes()
