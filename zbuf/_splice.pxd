# Channels: bytes on their way from one descriptor to another, first in, first out.
#
#     source --fill--> | held | --drain--> target        a pipe: by splice, unread
#                         \---tee---> | copy | --> tap    a block: by read and write
#
# What a channel has taken it gives out again, byte for byte: by drain, or all
# at once by leftover. One thread at a time.
#
# fill and drain return how many bytes went (fill: 0 at the source's end), or
# -errno, and then nothing has moved. Neither ever raises SIGPIPE in the process
# or Python's exceptions: the GIL is released around one call each.

from libc.stdint cimport int64_t

cimport cython

from zbuf._buf cimport ByteBuf

cdef enum:
    CAPACITY = 1 << 20     # bytes a channel has room for, if the system allows it
    MOST_RESTING = 16      # pipes kept for the next one; a user may have 64 of this size


cdef class Channel:
    cdef Py_ssize_t held       # bytes taken and not given out
    cdef Py_ssize_t room       # bytes there is room for when nothing is held
    cdef bint piped            # the bytes go by splice

    cdef Py_ssize_t fill(self, int source) noexcept
    # REQUIRES: 1 <= most <= held.
    cdef Py_ssize_t drain(self, int target, Py_ssize_t most) noexcept
    # A channel with a copy of the first bytes held, 1 or more; None if there is
    # no pipe for it. REQUIRES: held >= 1.
    cdef Channel tee(self)
    # All bytes held, for the caller; the channel has none then. Raises what an
    # allocation raises, or a first read, and nothing has moved.
    cdef ByteBuf leftover(self)
    # The end of it: keeps the pipe for the next if nothing is held.
    cdef void rest(self) noexcept


@cython.final
cdef class Pipe(Channel):
    # `held` is what the kernel has in the pipe: it counts in slots, not in
    # bytes, so small pieces may fill the pipe with less than `room`.
    cdef int _in         # the end that takes; ours to close, as _out
    cdef int _out
    cdef int _forks      # `forks` when it was made

    cdef int _open(self) noexcept
    # Up to n bytes by one splice, at a place of a file or where a stream stands
    # (NULL); as fill and drain. An empty pipe lets a source wait that blocks.
    cdef Py_ssize_t take(self, int source, int64_t *at, Py_ssize_t n) noexcept
    cdef Py_ssize_t give(self, int target, int64_t *at, Py_ssize_t n) noexcept
    # Up to n bytes of those held to mem; their number or -errno.
    cdef Py_ssize_t read(self, void *mem, Py_ssize_t n) noexcept


# An empty pipe; None if no descriptor is left for it. Raises OSError.
cdef Pipe take_pipe()
# A channel by splice, or one by copying where no descriptor is left for a pipe.
cdef Channel open_channel()
# A channel by copying, that holds what `old` held; `old` may be None.
cdef Channel block_channel(Channel old)
# Ends what is sent to a socket; 0 or an errno.
cdef int half_close(int sock) noexcept
# Closes the pipes at rest; how many there were.
cdef Py_ssize_t close_resting() except -1
