# FileRegion: bytes of a file that are sent without being read.
#
#     regions, queued sends        refs counts them all
#          \      |
#          zb_file ----> fd        a duplicate of the caller's, or our own
#
# A descriptor is shared by all that came from one region, and closed when the
# last of them goes.

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    # How a file's bytes reach a socket: bits, and the next one is tried where
    # one is refused. MEMORY is for what never was in a file.
    MEMORY = 1
    SENDFILE = 2
    SPLICE = 4
    PREAD = 8

cdef struct zb_stat:
    # What changes with a file's content.
    uint64_t device
    uint64_t inode
    int64_t size
    int64_t seconds    # st_mtim
    int64_t nanoseconds

cdef struct zb_file:
    Py_ssize_t refs    # references held; atomic on free-threaded builds
    int fd             # ours to close at refs == 0
    int way            # by which bytes of it went last; 0: none did
    bint stable        # it must stay as it was
    zb_stat was        # when it was opened

# Both need the GIL, or an attached thread. file_hold REQUIRES a reference;
# file_give is True if it gave back the last.
cdef void file_hold(zb_file *file, Py_ssize_t n) noexcept
cdef bint file_give(zb_file *file, Py_ssize_t n) noexcept

# The size of the open file now. Raises OSError.
cdef int64_t file_size(int fd) except -1
# Raises FileChangedError for one that must stay as it was and did not.
cdef int file_check(zb_file *file) except -1
# The way to try first: SENDFILE, unless the environment says ZBUF_NO_SENDFILE=1.
cdef int first_way() noexcept
cdef str way_name(int way)


# As private() of a buffer.
cdef FileRegion private_region(FileRegion region)


cdef class FileRegion:
    # Invariants:
    #   (1) once _file is NULL the handle is released, all else is 0, and so
    #       it stays
    #   (2) 0 <= _offset, 0 <= _count, and when the handle was made the file
    #       had _offset + _count bytes or more
    cdef zb_file *_file      # _own references are ours
    cdef int64_t _offset     # first byte, from the start of the file
    cdef int64_t _count      # bytes; what the file gains later is not ours
    cdef int _own            # references held through this handle: 1 + retains - releases

    cdef int _live(self) except -1
    cdef int _adopt(self, int fd, int64_t offset, object count, object name, bint stable) except -1
    cdef int64_t _receive(self, int sock, int64_t most) except -1
    cdef bint _close(self) noexcept
