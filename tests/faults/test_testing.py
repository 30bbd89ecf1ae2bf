"""zbuf.testing itself: what it counts, how it ends, what it refuses."""

import errno
import socket
import threading

import pytest

import zbuf
from faults import each_fault
from zbuf.testing import Short, fail_after, syscalls


def test_the_nth_piece_of_memory_fails_and_the_others_do_not():
    fired = []
    with zbuf.SystemAllocator() as allocator, fail_after(5) as fault:   # a handle, a record and a block each
        for _ in range(4):
            try:
                allocator.buffer(10)
            except MemoryError:
                fired.append(None)
            else:
                fired.append(fault.fired)
    assert fired == [0, None, 1, 1] and fault.fired == 1


@pytest.mark.parametrize(("times", "refused"), [(1, 1), (2, 2), (3, 3), (None, 4)])
def test_as_many_in_a_row_fail_as_are_asked_for(times, refused):
    with fail_after(1, times=times) as fault:
        assert [attempt() for _ in range(4)] == [True] * refused + [False] * (4 - refused)
        assert fault.fired == refused
    assert fault.fired == refused
    assert not attempt()
    assert fault.fired == refused


def attempt():
    """Whether a handle is refused."""
    try:
        zbuf.EMPTY.duplicate()
    except MemoryError:
        return True
    return False


def test_a_handle_counts_each_time_also_where_handles_of_before_are_kept_for_the_next():
    for _ in range(100):
        zbuf.EMPTY.duplicate()
    for _ in range(3):
        assert sum(bool(fault.fired) for fault in counted(lambda: zbuf.EMPTY.duplicate())) == 1
    for _ in range(100):
        zbuf.EMPTY.duplicate()


def counted(call):
    for fault in each_fault(times=(None,)):
        with fault:
            try:
                call()
            except MemoryError:
                pass
        yield fault


def test_a_fault_ends_with_its_block_however_it_ends():
    with pytest.raises(KeyError), fail_after(1) as fault:
        raise KeyError
    assert not fault.fired and not attempt()


def test_a_fault_may_be_used_again():
    fault = fail_after(1)
    for _ in range(2):
        with fault:
            assert attempt() and fault.fired == 1


def test_other_threads_are_refused_too():
    refused = []
    with fail_after(1):
        thread = threading.Thread(target=lambda: refused.append(attempt()))
        thread.start()
        thread.join()
    assert refused == [True]


def test_one_fault_at_a_time():
    with fail_after(3, times=2) as fault:
        with pytest.raises(RuntimeError, match="^memory is made to fail already, 2 times from the next 3 on$"):
            with fail_after(1):
                raise AssertionError
        assert [attempt() for _ in range(5)] == [False, False, True, True, False] and fault.fired == 2
    assert not attempt()


@pytest.mark.parametrize(("n", "times"), [(0, 1), (-1, 1), (1, 0), (1, -5)])
def test_faults_that_never_come_are_refused(n, times):
    with pytest.raises(ValueError, match=f"not number {n}, {times} times$"):
        fail_after(n, times=times)


def test_a_pool_survives_one_failure_and_not_two():
    with zbuf.PooledAllocator() as allocator:
        with fail_after(2) as fault:
            allocator.buffer(100).release()
        assert fault.fired == 1
        allocator.trim()
        with pytest.raises(MemoryError, match="^no memory for a block of 100 bytes, 0 are live$"), fail_after(2, times=2):
            allocator.buffer(100)


# -- scripts


@pytest.fixture
def flush():
    """Flushes some bytes of a queue; how many went, or the number of the error."""
    ours, theirs = socket.socketpair()
    with ours, theirs, zbuf.OutboundBuffer() as queue:
        queue.write(b"x" * 100)

        def flush(most):
            try:
                return queue.flush_to(ours, max_bytes=most).sent
            except OSError as error:
                return error.errno

        yield flush


def test_each_call_has_the_next_outcome(flush):
    with syscalls([None, Short(2), errno.EIO, Short(50), errno.EAGAIN]) as script:
        seen = []
        for _ in range(5):
            seen.append((flush(3), script.left))
    # A flush goes on after a short call, until its bytes have gone or none go any more.
    assert seen == [(3, 4), (errno.EIO, 2), (3, 1), (0, 0), (3, 0)]


def test_a_script_may_be_left_early_and_used_again(flush):
    script = syscalls([errno.EIO, errno.EPIPE])
    assert script.left == 2
    for _ in range(2):
        with script:
            assert flush(1) == errno.EIO
        assert script.left == 1
        assert flush(1) == 1


def test_a_script_ends_with_its_block_however_it_ends(flush):
    with pytest.raises(KeyError), syscalls([errno.EIO]):
        raise KeyError
    assert flush(1) == 1


def test_one_script_at_a_time(flush):
    with syscalls([None, errno.EIO]) as script:
        with pytest.raises(RuntimeError, match="^a script of system calls is under way, 2 outcomes are left$"):
            with syscalls([]):
                raise AssertionError
        assert (flush(1), flush(1), script.left) == (1, errno.EIO, 0)


@pytest.mark.parametrize("outcome", [0, -1, 4096, 2**64, Short(0), Short(-1)])
def test_outcomes_that_are_none_are_refused(outcome):
    with pytest.raises(ValueError, match="^an outcome is an errno or Short\\(1 byte or more\\), not "):
        syscalls([None, outcome])


def test_a_script_that_is_too_long_is_refused(flush):
    with syscalls([None] * 1024):
        assert flush(1) == 1
    with pytest.raises(ValueError, match="^a script has 1024 outcomes at the most, not 1025$"):
        syscalls([errno.EIO] * 1025).__enter__()
    assert flush(1) == 1


def test_only_the_calls_that_are_named_have_the_outcomes(flush):
    with syscalls([errno.EIO], only=["splice", "msync"]) as script:
        assert (flush(1), script.left) == (1, 1)
    with syscalls([errno.EIO], only=["splice", "sendmsg"]) as script:
        assert (flush(1), script.left) == (errno.EIO, 0)


def test_calls_that_move_no_bytes_have_to_be_named(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with syscalls([errno.EIO]) as script:
        zbuf.FileRegion.open(tmp_path / "file").release()
        assert script.left == 1
    with syscalls([errno.EIO], only=["fstat"]), pytest.raises(OSError, match="Input/output error"):
        zbuf.FileRegion.open(tmp_path / "file")


def test_a_call_that_is_none_is_refused():
    with pytest.raises(ValueError, match="^'sendto' is no system call of zbuf$"):
        syscalls([errno.EIO], only=["sendmsg", "sendto"])
