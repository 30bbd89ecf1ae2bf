"""Buffers and errors that go from one process to another by pickle."""

import copy
import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

import zbuf
from zbuf import errors

ERRORS = [
    zbuf.ZbufError("anything"),
    zbuf.ReleasedError("it is gone"),
    zbuf.UnderflowError(9, 3, 2),
    zbuf.CapacityError(9, 3),
    zbuf.ReadOnlyError("it is read-only"),
    zbuf.PoolExhaustedError(9, 3, 10),
    zbuf.ConcurrentUseError("ByteBuf", "one", "another", "skip", "read_u8"),
    zbuf.CorruptMemoryError("overwritten behind its end", 100, 103, 7),
    zbuf.TruncatedFileError(100, 30, 50, "found"),
    zbuf.FileChangedError(100, 30),
    zbuf.VarintError("varint", 7),
    zbuf.LayoutError("no such field", ">Q?", 2),
    zbuf.FrameTooLongError(7, None, 100, ["a frame"]),
    zbuf.CorruptFrameError(7, "no length", 3, 2, ["a frame"]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy],
                         ids=["pickled", "copied", "copied deeply"])
def test_an_error_comes_back_with_its_message_and_numbers(error, again):
    back = again(error)
    assert type(back) is type(error)
    assert (str(back), repr(back), vars(back)) == (str(error), repr(error), vars(error))


def test_an_error_of_ones_own_comes_back_too():
    back = pickle.loads(pickle.dumps(MyError("mine", 9, 3, 10)))
    assert (type(back), str(back), back.mine, back.wanted) == (MyError, ERRORS[5].args[0], "mine", 9)


class MyError(zbuf.PoolExhaustedError):
    def __init__(self, mine, *numbers):
        super().__init__(*numbers)
        self.mine = mine


def test_each_error_is_pickled_here():
    assert {type(error).__name__ for error in ERRORS} == set(errors.__all__)


def reads_too_much(buf):
    buf.skip(len(buf) + 1)


def answered(x):
    """Made there of what came from here."""
    return os.getpid(), bytes(x), zbuf.wrap(x, b" and more")


BUFFERS = {
    "plain": lambda: zbuf.copied(b"plain"),
    "read-only": lambda: zbuf.wrap(b"read-only"),
    "empty": lambda: zbuf.copied(b""),
    "large": lambda: zbuf.copied(b"large" * 300_000),
    "slice": lambda: zbuf.copied(b"?slice!")[1:-1],
    "composite": lambda: zbuf.CompositeByteBuf(b"com" * 300, bytearray(b"posite" * 300)),
}


@pytest.fixture(scope="module", params=["fork", "spawn", "forkserver"])
def context(request):
    return multiprocessing.get_context(request.param)


@pytest.fixture(scope="module")
def workers(context):
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        yield pool


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
class TestBetweenProcesses:
    @pytest.mark.parametrize("make", BUFFERS.values(), ids=BUFFERS)
    def test_buffers_go_to_a_worker_and_come_back(self, workers, make):
        with make() as buf:
            content = bytes(buf)
            pid, seen, back = workers.submit(answered, buf).result()
            assert pid != os.getpid() and seen == content
            assert bytes(back) == content + b" and more"
            back.write_u8(1)
            assert bytes(buf) == content and buf.refcnt == 1

    def test_an_error_of_a_worker_is_raised_here_and_the_worker_goes_on(self, workers):
        with pytest.raises(zbuf.UnderflowError, match="^wanted 6 bytes at 0, 5 readable$") as caught:
            workers.submit(reads_too_much, zbuf.copied(b"12345")).result()
        assert (caught.value.wanted, caught.value.readable) == (6, 5)
        assert workers.submit(answered, zbuf.copied(b"12345")).result()[1] == b"12345"

    def test_a_released_buffer_is_refused_before_it_is_sent(self, workers):
        buf = zbuf.copied(b"abc")
        buf.release()
        with pytest.raises(zbuf.ReleasedError):
            workers.submit(answered, buf).result()
        assert workers.submit(answered, zbuf.copied(b"abc")).result()[1] == b"abc"


@pytest.mark.parametrize("make", [lambda: zbuf.copied(b"abc"), lambda: zbuf.CompositeByteBuf(b"abc")],
                         ids=["plain", "composite of one part"])
def test_out_of_band_the_memory_is_shared_and_held(make):
    buf, taken = make(), []
    data = pickle.dumps(buf, 5, buffer_callback=taken.append)
    back = pickle.loads(data, buffers=taken)
    buf.set_u8(0, 0x78)
    assert bytes(back) == b"xbc"
    buf.release()
    assert bytes(back) == b"xbc"


def test_out_of_band_a_composite_of_many_parts_goes_as_a_copy():
    buf, taken = zbuf.CompositeByteBuf(b"ab", b"cd", coalesce=0), []
    back = pickle.loads(pickle.dumps(buf, 5, buffer_callback=taken.append), buffers=taken)
    assert (bytes(back), taken) == (b"abcd", [])


@pytest.mark.parametrize("thing", [
    zbuf.PooledAllocator(), zbuf.OutboundBuffer(), zbuf.codec.LineDecoder(10), zbuf.codec.LengthFieldPrepender(),
    zbuf.Searcher(b"x"), zbuf.Searcher(b"x").scan(), zbuf.FileRegion.open(__file__), zbuf.EMPTY.length_prefixed("u8"),
], ids=lambda thing: type(thing).__name__)
def test_what_is_bound_to_its_process_is_refused(thing):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match=f"^cannot pickle '.*{type(thing).__name__}' object$"):
            pickle.dumps(thing, protocol)
