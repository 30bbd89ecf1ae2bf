# FileRegion: bytes of a file that are sent without being read.
#
#     regions, queued sends        refs counts them all
#          \      |
#          zb_file ----> fd        a duplicate of the caller's, or our own
#
# A descriptor is shared by all that came from one region, and closed when the
# last of them goes.

from libc.stdint cimport int64_t

cdef struct zb_file:
    Py_ssize_t refs    # references held; atomic on free-threaded builds
    int fd             # ours to close at refs == 0

# Both need the GIL, or an attached thread. file_hold REQUIRES a reference;
# file_give is True if it gave back the last.
cdef void file_hold(zb_file *file, Py_ssize_t n) noexcept
cdef bint file_give(zb_file *file, Py_ssize_t n) noexcept

# The size of the open file now. Raises OSError.
cdef int64_t file_size(int fd) except -1


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
    cdef int _adopt(self, int fd, int64_t offset, object count, object name) except -1
    cdef bint _close(self) noexcept
