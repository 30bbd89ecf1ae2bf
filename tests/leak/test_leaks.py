"""What is told as a leak, and what is not."""

import gc
import inspect
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import warnings

import pytest

import zbuf
from kinds import refused
from zbuf import leak

# Without what changes zbuf or Python; but what a sanitizer needs stays.
CLEAN = {
    name: value for name, value in os.environ.items()
    if name == "PYTHONMALLOC" or not name.startswith(("ZBUF_", "PYTHON"))
}


def here(offset=0):
    """The caller's line, as reports name it."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset} in {frame.f_code.co_qualname}"


def test_a_dropped_buffer_is_told_with_the_place_of_its_allocation(told, allocator):
    leak.set_level("paranoid")
    buf, place = allocator.buffer(1000), here()
    buf.write_bytes(b"x")
    del buf
    (message,) = told.all()
    first, second, third, *rest = message.splitlines()
    assert (first, second) == ("a buffer of 1000 bytes was dropped without release()", "allocated, innermost call first:")
    assert third == f"  {place}"
    assert 0 < len(rest) < 8


def test_it_is_told_by_itself_right_after_it_was_dropped(told):
    leak.set_level("paranoid")
    buf = zbuf.buffer(10)
    del buf
    for _ in range(10):    # the next instructions of the main thread
        pass
    assert [str(warning.message)[:23] for warning in told.caught] == ["a buffer of 10 bytes wa"]
    assert leak.report() == 0


def test_the_warning_is_one_of_the_line_that_allocated(told):
    leak.set_level("paranoid")
    buf, line = zbuf.buffer(10), inspect.currentframe().f_lineno
    del buf
    leak.report()
    (warning,) = told.caught
    assert (warning.category, warning.filename, warning.lineno) == (ResourceWarning, __file__, line)


@pytest.mark.parametrize("end", [
    lambda buf: buf.release(),
    lambda buf: buf.retain(2).release(3),
    lambda buf: buf.__exit__(None, None, None),
    lambda buf: (buf[1:2].release(), buf.release()),
    lambda buf: (len(buf[1:2]), buf.release()),                       # a slice that others outlive
    lambda buf: (buf.view(), buf.release()),                          # a view, as long as it likes
    lambda buf: (zbuf.CompositeByteBuf(buf, coalesce=0).release(), buf.release()),
    lambda buf: (buf.release(), pytest.raises(zbuf.ReleasedError, buf.release)),
    lambda buf: (buf.write_bytes(bytes(9000)), buf.release()),        # leaves a block behind
    lambda buf: (len(buf[1:2]), buf.write_bytes(bytes(9000)), buf.release()),
    lambda buf: (buf.compact_if(1), buf.release()),
], ids=range(11))
def test_what_is_released_is_no_leak(told, allocator, end):
    leak.set_level("paranoid")
    buf = allocator.buffer(100)
    buf.write_bytes(b"abc")
    end(buf)
    del buf
    assert told.all() == []
    assert allocator.live() == []


@pytest.mark.parametrize("end", [
    lambda buf: buf.retain(),
    lambda buf: buf.retain(5).release(5),
    lambda buf: buf[1:2].release(),
    lambda buf: buf.view().release(),
    lambda buf: buf.write_bytes(bytes(9000)),
    lambda buf: buf.compact_if(1),
], ids=range(6))
def test_what_is_dropped_is_one(told, allocator, end):
    leak.set_level("paranoid")
    buf = allocator.buffer(100)
    buf.write_bytes(b"abc")
    end(buf)
    assert told.all() == []
    del buf
    assert len(told.all()) == 1


def test_the_last_buffer_counts_whichever_it_is(told):
    leak.set_level("paranoid")
    buf = zbuf.copied(b"abc")
    part = buf[1:]
    buf.release()
    assert told.all() == []
    del part
    assert len(told.all()) == 1
    buf = zbuf.copied(b"abc")
    part = buf[1:]
    del buf
    part.release()
    assert told.all() == []


def test_a_view_only_delays_it(told):
    leak.set_level("paranoid")
    buf = zbuf.buffer(10)
    view, window = buf.view(), buf.writable_view(3)
    del view
    held = memoryview(buf)
    del buf
    del window
    assert told.all() == []
    held.release()
    del held
    assert len(told.all()) == 1


def viewed():
    """A buffer, a slice of it, and a view of a third handle that was released."""
    buf = zbuf.copied(b"abc")
    with buf.duplicate() as twin:
        return buf, buf[1:], twin.view()


def test_a_view_goes_by_the_buffer_that_left_last(told):
    leak.set_level("paranoid")
    for last in ("dropped", "released", "moved"):
        buf, part, view = viewed()
        if last == "dropped":
            buf.release()
            del part
        elif last == "released":
            del part
            buf.release()
        else:
            del part
            buf.write_bytes(bytes(5000))
        assert told.all() == []
        view.release()
        assert len(told.all()) == (last == "dropped")
        del view
        assert buf.released or buf.release()


def test_growth_keeps_the_place_and_says_nothing_of_the_old_block(told, allocator):
    leak.set_level("paranoid")
    buf, place = allocator.buffer(10), here()
    part = buf.slice(0, 0)
    del part
    buf.write_bytes(bytes(5000))
    assert told.all() == []
    assert [block.place for block in allocator.live()] == [place]
    del buf
    (message,) = told.all()
    assert message.splitlines()[2] == f"  {place}"


def test_the_blocks_of_a_composite_are_told_each(told):
    leak.set_level("paranoid")
    whole = zbuf.CompositeByteBuf(zbuf.copied(bytes(1000)), zbuf.copied(bytes(2000)))
    whole.write_bytes(b"written")
    assert told.all() == []
    del whole
    assert sorted(int(re.search(r"of (\d+) bytes", message)[1]) for message in told.all()) == [1000, 1024, 2000]
    with zbuf.CompositeByteBuf(zbuf.copied(bytes(1000)), zbuf.copied(bytes(2000))) as whole:
        whole.write_bytes(b"written")
        whole.skip(2500)
        whole.discard_read_parts()
    del whole
    assert told.all() == []


def test_a_composite_without_parts_is_asked_for_its_store_too(told):
    leak.set_level("paranoid")
    for end, leaks in ((lambda whole: whole.release(), 0), (lambda whole: None, 1)):
        whole = zbuf.CompositeByteBuf()
        whole.write_bytes(bytes(1024))
        whole.skip(1024)
        whole.discard_read_parts()
        end(whole)
        del whole
        assert len(told.all()) == leaks


def test_what_a_queue_has_sent_is_no_leak(told):
    leak.set_level("paranoid")
    ours, theirs = socket.socketpair()
    with ours, theirs, zbuf.OutboundBuffer() as queue:
        queue.write(zbuf.copied(bytes(9000)))
        queue.write(b"small")
        queue.flush_to(ours)
    assert told.all() == []


@pytest.mark.parametrize("stream", [
    [b"one\ntwo\n"], [b"on", b"e\ntw", b"o\n"], [b"x" * 100, b"x" * 100, b"\none\n"], [b"x" * 9000, b"y\n"], [b"one\ntw"],
], ids=range(5))
def test_what_a_decoder_keeps_for_itself_is_no_leak(told, stream):
    leak.set_level("paranoid")
    decoder = zbuf.codec.LineDecoder(50)
    for data in stream:
        with zbuf.copied(data) as whole, zbuf.CompositeByteBuf(data[:5], whole, coalesce=0) as several:
            for given in (data, several):
                try:
                    frames = decoder.feed(given)
                except zbuf.FrameTooLongError as error:
                    frames = error.frames
                for frame in frames:
                    frame.release()
    decoder.close()
    del whole, several, frames
    assert told.all() == []


def test_gathering_a_composite_is_no_leak(told):
    leak.set_level("paranoid")
    with zbuf.CompositeByteBuf(coalesce=0) as whole:
        for _ in range(3):
            with zbuf.copied(bytes(100)) as block, block[:50] as part:
                whole.append(part)
        whole.consolidate()
        with zbuf.copied(bytes(100)) as block, block[:50] as part:
            whole.insert(0, part)
        assert whole.compact_if(1)
    assert told.all() == []


def test_memory_of_others_is_not_watched(told):
    leak.set_level("paranoid")
    buf = zbuf.wrap(bytearray(100))
    del buf
    assert told.all() == []


def test_cycles_are_told_when_the_collector_finds_them(told):
    leak.set_level("paranoid")
    cycle = [zbuf.buffer(10)]
    cycle.append(cycle)
    del cycle
    assert told.all() == []
    gc.collect()
    assert len(told.all()) == 1


def test_any_thread_may_drop_them(told):
    leak.set_level("paranoid")
    thread = threading.Thread(target=lambda: [zbuf.buffer(n) for n in range(50)])
    thread.start()
    thread.join()
    assert len(told.all()) == 50


# -- levels

def count_of(level, told, number):
    leak.set_level(level)
    for _ in range(number):
        zbuf.buffer(10)
    return len(told.all())


def test_a_level_says_how_many_are_watched(told):
    assert count_of("disabled", told, 1000) == 0
    assert count_of("paranoid", told, 200) == 200
    simple = count_of("simple", told, 128 * 100)
    assert 60 <= simple <= 140
    assert count_of("advanced", told, 128 * 100) == simple    # the same chance each time


def test_places_of_use_are_told_from_advanced_on(told):
    for level, uses in (("simple", 0), ("advanced", 2), ("paranoid", 2)):
        leak.set_level(level)
        for _ in range(128 * 20):
            buf = zbuf.buffer(10).touch("here")
            buf.slice(0, 0)
            del buf
        messages = told.all()
        assert messages and {message.count("touch (here)") + message.count("slice") for message in messages} == {uses}


def test_the_last_four_uses_are_told_the_last_first(told):
    leak.set_level("paranoid")
    buf = zbuf.copied(b"abcdef")
    for use in (lambda: buf.touch(1), lambda: buf.touch(None), buf.retain, lambda: buf.retain().release(), buf.duplicate,
                lambda: buf.slice(0, 1), lambda: buf.read_slice(1), buf.as_readonly, lambda: buf.touch("x" * 40)):
        use()
    del buf
    del use
    (message,) = told.all()
    assert re.findall(r"^(\w.*), number (\d+) of (\d+):$", message, re.MULTILINE) == [
        (f"touch ({'x' * 40})", "10", "10"), ("duplicate", "9", "10"), ("slice", "8", "10"), ("slice", "7", "10"),
    ]
    assert message.count("in test_the_last_four_uses_are_told_the_last_first") >= 5


def test_every_block_of_a_composite_is_used(told):
    leak.set_level("paranoid")
    whole = zbuf.CompositeByteBuf(zbuf.copied(bytes(1000)), zbuf.copied(bytes(2000)))
    whole.touch("all").retain()
    whole.slice(10, 1500).release()
    part = whole.remove(0)
    del whole, part
    messages = told.all()
    assert len(messages) == 2
    for message in messages:
        assert "touch (all), number 1" in message and "retain, number 2" in message and "slice, number 3" in message


@pytest.mark.parametrize("taken", [
    lambda *bufs: zbuf.CompositeByteBuf(*bufs).release(), lambda *bufs: zbuf.wrap(*bufs).release(),
    lambda *bufs: zbuf.OutboundBuffer(coalesce=0).writelines(bufs),
], ids=["composite", "wrap", "queue"])
def test_handles_that_zbuf_makes_for_itself_are_no_use(told, taken):
    leak.set_level("paranoid")
    buf, whole = zbuf.copied(bytes(100)), zbuf.CompositeByteBuf(zbuf.copied(bytes(200)), zbuf.copied(bytes(300)), coalesce=0)
    taken(buf, whole)
    del buf, whole
    assert [", number" in message for message in told.all()] == [False] * 3


def test_a_duplicate_is_a_use_of_every_block(told):
    leak.set_level("paranoid")
    for duplicate in (zbuf.ByteBuf.duplicate, zbuf.ByteBuf.as_readonly):
        whole = zbuf.CompositeByteBuf(zbuf.copied(bytes(200)), zbuf.copied(bytes(300)), coalesce=0)
        duplicate(whole).release()
        del whole
        assert ["duplicate, number 1 of" in message for message in told.all()] == [True, True]


def test_an_unknown_level_is_refused():
    leak.set_level("simple")
    with pytest.raises(ValueError, match="^a level is one of disabled, simple, advanced, paranoid, not 'Simple'$"):
        leak.set_level("Simple")
    assert leak.level() == "simple"
    assert leak.set_level("disabled") == "simple"


def test_what_was_watched_before_the_level_fell_stays_known(allocator):
    leak.set_level("paranoid")
    buf = allocator.buffer(10)
    leak.set_level("disabled")
    other = allocator.buffer(10)
    assert sorted(block.place is None for block in allocator.live()) == [False, True]
    buf.release()
    del other


def test_nothing_is_told_once_tracking_is_off(told):
    leak.set_level("paranoid")
    buf = zbuf.buffer(10)
    leak.set_level("disabled")
    del buf
    assert told.all() == []


# -- touch

def test_touch_returns_the_buffer(make):
    buf = make(b"abc")
    for level in leak.LEVELS:
        leak.set_level(level)
        assert buf.touch() is buf and buf.touch("hint") is buf
    buf.release()


class Unspeakable:
    def __str__(self):
        raise LookupError("no words")


def test_a_hint_is_made_a_string_only_if_it_is_kept(make):
    buf = make(b"abc")
    buf.touch(Unspeakable())
    leak.set_level("advanced")
    with refused(LookupError, "no words", buf):
        buf.touch(Unspeakable())
    buf.release()


def test_a_hint_whose_words_release_the_buffer():
    class Traitor:
        def __str__(self):
            buf.release()
            return "gone"

    leak.set_level("paranoid")
    buf = zbuf.copied(b"abc")
    with refused(zbuf.ReleasedError, "^this handle was released$"):
        buf.touch(Traitor())


# -- what is live, and what was released

def test_live_blocks_have_an_age_and_a_place(allocator):
    assert [allocator.buffer(5), allocator.live()[0].age, allocator.live()[0].place][1:] == [None, None]
    leak.set_level("paranoid")
    buf, place = allocator.buffer(100), here()
    (block,) = allocator.live()
    assert (block.requested, block.place) == (100, place)
    assert 0 <= block.age <= allocator.live()[0].age
    buf.release()


def test_a_released_error_tells_where(make, told):
    leak.set_level("paranoid")
    for use in (lambda: buf.read_u8(), lambda: len(buf), lambda: buf.release(), lambda: buf.write_u8(1), lambda: buf[0]):
        buf = make(b"abc")
        buf.release(); place = here()
        with pytest.raises(zbuf.ReleasedError) as caught:
            use()
        notes = caught.value.__notes__
        assert notes[0].startswith(f"released, innermost call first:\n  {place}\n")
        assert all(note.startswith("allocated, innermost call first:\n  ") for note in notes[1:])


def test_it_tells_where_the_memory_was_allocated():
    leak.set_level("paranoid")
    buf, place = zbuf.buffer(10), here()
    buf.write_bytes(bytes(1000))
    buf.release()
    with pytest.raises(zbuf.ReleasedError) as caught:
        buf.clear()
    assert caught.value.__notes__[1].splitlines()[1] == f"  {place}"


def test_a_handle_that_is_not_watched_tells_nothing(make):
    buf = make(b"abc")
    buf.release()
    leak.set_level("paranoid")
    with pytest.raises(zbuf.ReleasedError) as caught:
        buf.clear()
    assert not hasattr(caught.value, "__notes__")


def unwatched_at(address):
    """A handle where another one lay, of memory that is not watched: the next that is made, or one of the next."""
    others = []
    for _ in range(10_000):
        buf = zbuf.wrap(b"abc")
        if id(buf) == address:
            return buf
        others.append(buf)
    raise AssertionError("the address was not used again")


def test_what_is_known_of_a_handle_ends_with_it():
    for _ in range(100):
        leak.set_level("paranoid")
        buf = zbuf.buffer(10)
        buf.release()
        address = id(buf)
        del buf
        leak.set_level("advanced")
        buf = unwatched_at(address)
        buf.release()
        with pytest.raises(zbuf.ReleasedError) as caught:
            buf.clear()
        assert not hasattr(caught.value, "__notes__")


# -- reports

def test_of_very_many_only_the_number_is_told(told):
    leak.set_level("paranoid")
    held = [zbuf.buffer(10) for _ in range(1000)]
    held.clear()    # one instruction
    messages = told.all()
    assert (len(messages), messages[-1]) == (257, "744 more buffers were dropped without release()")


def test_a_warning_that_is_an_error_goes_to_the_unraisable_hook(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(str(unraisable.exc_value)))
    leak.set_level("paranoid")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (1, 2):
            zbuf.buffer(n)
        leak.report()
    assert [message[:22] for message in seen] == ["a buffer of 1 bytes wa", "a buffer of 2 bytes wa"]


def run(program, *options, **environment):
    done = subprocess.run([sys.executable, *options, "-c", textwrap.dedent(program)], capture_output=True, text=True,
                          timeout=50, env={**CLEAN, "PYTHONPATH": ":".join(sys.path), **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


LEAKY = "import zbuf; print(zbuf.leak.level()); held = zbuf.buffer(10); zbuf.buffer(20)"


def test_a_warning_of_one_place_is_shown_once_by_default():
    program = "import zbuf\nfor n in range(5): zbuf.buffer(12)"
    for action, times in (("default", 1), ("always", 5)):
        assert run(program, "-W", action, ZBUF_LEAK="paranoid")[1].count("a buffer of 12 bytes was dropped") == times


def test_the_environment_sets_the_level():
    out, err = run(LEAKY, "-W", "default", ZBUF_LEAK="paranoid")
    assert out == "paranoid\n"
    assert err.startswith("<string>:1: ResourceWarning: a buffer of 20 bytes was dropped without release()\n")
    assert "of 10 bytes" not in err    # that all ends is no leak
    assert run(LEAKY, "-W", "default") == ("disabled\n", "")
    assert run(LEAKY, ZBUF_LEAK="paranoid") == ("paranoid\n", "")




def test_a_child_goes_on_reporting():
    program = """
        import os, zbuf
        zbuf.leak.set_level("paranoid")
        if os.fork() == 0:
            zbuf.buffer(30)
            zbuf.leak.report()
            os._exit(0)
        os.wait()
    """
    assert run(program, "-W", "default")[1].count("a buffer of 30 bytes was dropped") == 1
