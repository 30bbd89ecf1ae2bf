"""FileRegion: what it is, whose descriptor it holds, what it refuses."""

import os
import socket
import stat

import pytest

import zbuf


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(bytes(range(256)) * 4)
    return file


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def descriptors():
    return set(os.listdir("/proc/self/fd"))


# -- what it covers


def test_a_region_without_a_count_reaches_the_end_of_the_file(path):
    region = zbuf.FileRegion.open(path, 1000)
    assert (region.offset, region.count, len(region)) == (1000, 24, 24)


def test_a_region_keeps_its_size_when_the_file_grows(path):
    region = zbuf.FileRegion.open(path)
    with open(path, "ab") as file:
        file.write(b"more")
    assert len(region) == 1024


@pytest.mark.parametrize(("offset", "count"), [(0, 0), (1024, 0), (1024, None), (0, 1024), (1023, 1)])
def test_a_region_may_touch_both_ends_of_the_file(path, offset, count):
    region = zbuf.FileRegion.open(path, offset, count)
    assert region.offset == offset
    assert len(region) == (1024 - offset if count is None else count)


@pytest.mark.parametrize(
    ("offset", "count", "message"),
    [
        (1, 1024, "1024 bytes at 1 reach beyond the file's size, 1024"),
        (1025, None, "0 bytes at 1025 reach beyond the file's size, 1024"),
        (1025, 0, "0 bytes at 1025 reach beyond the file's size, 1024"),
        (2**63 - 1, 2**63 - 1, f"{2**63 - 1} bytes at {2**63 - 1} reach beyond the file's size, 1024"),
        (-1, 5, "offset -1 is negative"),
        (-1, None, "offset -1 is negative"),
        (0, -1, "count -1 is negative"),
    ],
)
def test_a_region_outside_the_file_is_refused_and_holds_nothing(path, offset, count, message):
    before = descriptors()
    with pytest.raises(ValueError, match=message):
        zbuf.FileRegion.open(path, offset, count)
    assert descriptors() == before


@pytest.mark.parametrize(("offset", "count"), [(2**63, None), (0, 2**64), (-(2**63), 1)])
def test_what_takes_more_than_63_bits_does_not_fit(path, offset, count):
    before = descriptors()
    with pytest.raises(OverflowError, match="does not fit"):
        zbuf.FileRegion.open(path, offset, count)
    with open(path, "rb") as file, pytest.raises(OverflowError, match="does not fit"):
        zbuf.FileRegion(file, offset, count)
    assert descriptors() == before


@pytest.mark.parametrize(("offset", "count"), [(1.5, None), ("1", None), (0, 2.0), (None, None)])
def test_offsets_and_counts_are_whole_numbers(path, offset, count):
    before = descriptors()
    with pytest.raises(TypeError):
        zbuf.FileRegion.open(path, offset, count)
    assert descriptors() == before


def test_sizes_have_64_bits(tmp_path):
    sparse = tmp_path / "sparse"
    with open(sparse, "wb") as file:
        file.truncate(2**40)
    region = zbuf.FileRegion.open(sparse, 5)
    assert len(region) == 2**40 - 5
    part = region[2**33 : -(2**34)]
    assert (part.offset, part.count) == (2**33 + 5, 2**40 - 5 - 2**33 - 2**34)


# -- slices


@pytest.mark.parametrize(
    "cut", [slice(None), slice(5, 20), slice(-5, None), slice(5, 5), slice(20, 5), slice(0, 10**9), slice(-(10**9), 3)]
)
def test_a_slice_covers_what_a_slice_of_the_bytes_would(path, cut):
    region = zbuf.FileRegion.open(path, 100, 200)
    expected = path.read_bytes()[100:300][cut]
    part = region[cut]
    assert len(part) == len(expected)
    assert path.read_bytes()[part.offset : part.offset + part.count] == expected


def test_a_slice_outlives_the_region_it_came_from(path):
    region = zbuf.FileRegion.open(path)
    part = region[10:20]
    fd = part.fileno()
    assert (region.refcnt, region.fileno()) == (2, fd)
    assert region.release() is False
    assert os.pread(part.fileno(), part.count, part.offset) == bytes(range(10, 20))
    assert part.release() is True
    assert not is_open(fd)


def test_a_region_has_no_bytes_to_index(path):
    region = zbuf.FileRegion.open(path)
    with pytest.raises(TypeError, match="can only be sliced, not indexed by 'int'"):
        region[0]
    with pytest.raises(ValueError, match="has step 1, not 2"):
        region[::2]
    assert region.refcnt == 1


# -- ranges


def test_ranges_are_regions_of_their_own(path):
    region = zbuf.FileRegion.open(path, 100, 100)
    parts = region.ranges(iter([(0, 100), (5, 10), [7, 7], (99, 100)]))
    assert [(part.offset, part.count) for part in parts] == [(100, 100), (105, 5), (107, 0), (199, 1)]
    assert (region.refcnt, {part.fileno() for part in parts}) == (5, {region.fileno()})
    assert region.ranges([]) == []


@pytest.mark.parametrize(("bounds", "numbers"), [
    ((-1, 5), "-1 up to 5"), ((5, 4), "5 up to 4"), ((0, 101), "0 up to 101"), ((101, 101), "101 up to 101"),
    ((2**62, 2**63 - 1), "4611686018427387904 up to 9223372036854775807"),
])
def test_a_range_outside_makes_none(path, bounds, numbers):
    region = zbuf.FileRegion.open(path, 100, 100)
    with pytest.raises(ValueError, match=f"^bytes {numbers} are not within the region's 100$"):
        region.ranges([(0, 5), bounds])
    assert region.refcnt == 1


@pytest.mark.parametrize(("bounds", "error", "message"), [
    ([(0, 2**63)], OverflowError, "9223372036854775808"), ([("0", 5)], TypeError, "str"), ([5], TypeError, "int"),
    ([(0, 1, 2)], ValueError, "too many values"), (5, TypeError, "int"), ([(0, 1.5)], TypeError, "float"),
])
def test_what_is_no_range_makes_none(path, bounds, error, message):
    region = zbuf.FileRegion.open(path)
    with pytest.raises(error, match=message):
        region.ranges(bounds)
    assert region.refcnt == 1


def test_bounds_that_release_the_region_make_none(path):
    region = zbuf.FileRegion.open(path)

    class Bound:
        def __index__(self):
            region.release()
            return 5

    with pytest.raises(zbuf.ReleasedError, match="this region was released"):
        region.ranges([(0, 5), (0, Bound())])


# -- whose descriptor


def test_the_caller_may_close_the_file_at_once(path):
    with open(path, "rb") as file:
        region = zbuf.FileRegion(file, 3, 4)
        assert region.fileno() != file.fileno()
    assert os.pread(region.fileno(), region.count, region.offset) == bytes([3, 4, 5, 6])


def test_the_callers_file_stays_open_after_the_region(path):
    fd = os.open(path, os.O_RDONLY)
    zbuf.FileRegion(fd, 0).release()
    assert is_open(fd)
    os.close(fd)


def test_the_files_position_neither_counts_nor_moves(path):
    with open(path, "rb") as file:
        file.seek(77)
        region = zbuf.FileRegion(file, 0, 4)
        assert (region.offset, file.tell(), os.lseek(file.fileno(), 0, os.SEEK_CUR)) == (0, 77, 77)


def test_close_true_closes_a_file_object(path):
    file = open(path, "rb")
    region = zbuf.FileRegion(file, 0, close=True)
    assert file.closed
    assert is_open(region.fileno())


def test_close_true_closes_a_descriptor(path):
    fd = os.open(path, os.O_RDONLY)
    region = zbuf.FileRegion(fd, 0, close=True)
    assert not is_open(fd)
    assert is_open(region.fileno())


def test_close_true_closes_nothing_if_there_is_no_region(path):
    file = open(path, "rb")
    with pytest.raises(ValueError, match="offset -1"):
        zbuf.FileRegion(file, -1, close=True)
    assert not file.closed
    file.close()


def test_the_descriptor_is_not_inherited(path):
    assert os.get_inheritable(zbuf.FileRegion.open(path).fileno()) is False
    with open(path, "rb") as file:
        assert os.get_inheritable(zbuf.FileRegion(file, 0).fileno()) is False


def test_a_dropped_region_closes_its_descriptor(path):
    before = descriptors()
    region = zbuf.FileRegion.open(path)
    part = region[5:]
    del region, part
    assert descriptors() == before


# -- what is not a file to send


def test_a_directory_is_refused_by_its_name(tmp_path):
    before = descriptors()
    with pytest.raises(IsADirectoryError, match="a directory, not a regular file") as raised:
        zbuf.FileRegion.open(tmp_path)
    assert raised.value.filename == tmp_path
    assert descriptors() == before


def test_a_missing_file_is_refused_by_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        zbuf.FileRegion.open(tmp_path / "nothing-here")


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="a pipe, not a regular file: .*fifo"):
        zbuf.FileRegion.open(tmp_path / "fifo")


def test_a_socket_is_refused():
    with socket.socket() as sock, pytest.raises(OSError, match="a socket, not a regular file"):
        zbuf.FileRegion(sock, 0)


def test_a_device_is_refused():
    with pytest.raises(OSError, match="a device, not a regular file: '/dev/zero'"):
        zbuf.FileRegion.open("/dev/zero", 0, 10)


def test_a_file_that_is_not_open_for_reading_is_refused(path):
    with open(path, "ab") as file, pytest.raises(OSError, match="not open for reading: '.*file.bin'"):
        zbuf.FileRegion(file, 0)
    fd = os.open(path, os.O_PATH)
    with pytest.raises(OSError, match=f"not open for reading: {fd}"):
        zbuf.FileRegion(fd, 0)
    os.close(fd)


def test_a_file_open_for_both_is_good(path):
    with open(path, "r+b") as file:
        assert len(zbuf.FileRegion(file, 0)) == 1024


def test_a_memory_file_is_good():
    fd = os.memfd_create("zbuf")
    os.write(fd, b"abc")
    assert len(zbuf.FileRegion(fd, 1, close=True)) == 2


@pytest.mark.parametrize("file", [object(), b"name", "name", None, 1.5])
def test_what_has_no_descriptor_is_refused(file):
    with pytest.raises(TypeError):
        zbuf.FileRegion(file, 0)


def test_a_closed_file_is_refused(path):
    file = open(path, "rb")
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        zbuf.FileRegion(file, 0)
    with pytest.raises(OSError, match="Bad file descriptor"):
        zbuf.FileRegion(10**6, 0)


# -- ownership


def test_a_retained_region_closes_at_the_last_release(path):
    region = zbuf.FileRegion.open(path)
    assert region.retain() is region
    assert region.retain(2).refcnt == 4
    assert region.release(3) is False
    assert region.release() is True
    assert region.released and region.refcnt == 0


def test_a_release_too_many_changes_nothing(path):
    region = zbuf.FileRegion.open(path)
    with pytest.raises(zbuf.ReleasedError, match="release of 2 references, this handle holds 1"):
        region.release(2)
    assert region.refcnt == 1


@pytest.mark.parametrize("count", [0, -1])
def test_retain_and_release_count_from_one(path, count):
    region = zbuf.FileRegion.open(path)
    with pytest.raises(ValueError, match="1 reference or more"):
        region.retain(count)
    with pytest.raises(ValueError, match="1 reference or more"):
        region.release(count)
    assert region.refcnt == 1


def test_a_retain_too_many_changes_nothing(path):
    region = zbuf.FileRegion.open(path)
    with pytest.raises(OverflowError, match="are more than"):
        region.retain(2**31 - 1)
    assert region.refcnt == 1


USES = [
    ("offset", lambda region: region.offset),
    ("count", lambda region: region.count),
    ("len", len),
    ("fileno", lambda region: region.fileno()),
    ("slice", lambda region: region[1:]),
    ("ranges", lambda region: region.ranges([(0, 1)])),
    ("retain", lambda region: region.retain()),
    ("release", lambda region: region.release()),
    ("with", lambda region: region.__enter__()),
    ("write", lambda region: zbuf.OutboundBuffer().write(region)),
]


@pytest.mark.parametrize("use", [use for _, use in USES], ids=[name for name, _ in USES])
def test_a_released_region_can_do_nothing(path, use):
    region = zbuf.FileRegion.open(path)
    region.release()
    with pytest.raises(zbuf.ReleasedError, match="this region was released"):
        use(region)
    assert repr(region) == "<zbuf.FileRegion released>"


def test_with_releases_at_the_end_and_not_twice(path):
    with zbuf.FileRegion.open(path) as region:
        fd = region.fileno()
    assert region.released and not is_open(fd)
    with zbuf.FileRegion.open(path) as region:
        region.release()


def test_a_region_is_made_once(path):
    region = zbuf.FileRegion.open(path, 5)
    with open(path, "rb") as file, pytest.raises(TypeError, match="made already"):
        region.__init__(file, 0)
    assert (region.offset, region.refcnt) == (5, 1)


def test_repr_says_what_it_covers(path):
    region = zbuf.FileRegion.open(path, 5, 10)
    assert repr(region) == f"<zbuf.FileRegion 10 bytes at 5 of fd {region.fileno()}, refs 1>"


def test_a_subclass_opens_itself(path):
    class Mine(zbuf.FileRegion):
        pass

    assert type(Mine.open(path)) is Mine


def test_a_read_only_file_may_be_sent(path):
    path.chmod(stat.S_IRUSR)
    assert len(zbuf.FileRegion.open(path)) == 1024
