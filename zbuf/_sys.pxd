# System calls that move bytes: the GIL is released around each, one call each.
#
# All of them return how many bytes went, or one of the two codes below, or
# raise the OSError of errno. None ever raises SIGPIPE in the process.

from libc.stdint cimport int64_t
from posix.uio cimport iovec

from zbuf._splice cimport Pipe

cdef enum:
    FULL = -2      # the socket takes nothing now: EAGAIN
    AGAIN = -3     # a signal came first; its Python handler has run and did not raise
    REFUSED = -4   # this call does not do it for these descriptors; another may

cdef enum:
    MOST_PARTS = 1024            # IOV_MAX of Linux
    MOST_BYTES = 0x7ffff000      # what Linux moves in one call at the most

# Bytes gathered from memory, in order; the array is used up. `more` keeps a last, partly filled
# segment back for what follows: see push.
# REQUIRES: 1 <= count <= MOST_PARTS, 1 byte or more, MOST_BYTES at the most;
# something other than the caller's handle keeps the memory alive.
cdef Py_ssize_t send_parts(int sock, iovec *parts, int count, bint more) except -1

# Bytes of a file from `offset` on, by one of three ways; the file's own position
# is not used. 0 if the file ends there. REQUIRES: 1 <= n <= MOST_BYTES.
# The first two are REFUSED, if they are the `first` bytes, where they cannot do it.
# By sendfile:
cdef Py_ssize_t send_file(int sock, int file, int64_t offset, Py_ssize_t n, bint first) except -1
# By splice, through a pipe: what the socket does not take stays in the file. REFUSED also without a pipe.
cdef Py_ssize_t send_spliced(int sock, int file, int64_t offset, Py_ssize_t n, bint first) except -1
# By pread, into `room` bytes at mem, which something keeps alive.
cdef Py_ssize_t send_read(int sock, int file, int64_t offset, Py_ssize_t n, unsigned char *mem, Py_ssize_t room) except -1

# Would it take the disk to read the first or the last of n bytes? Where nobody can say, no.
cdef bint is_cold(int file, int64_t offset, Py_ssize_t n) noexcept
# Waits for the disk until n bytes, or all up to the file's end, are in the page
# cache, reading them to `room` bytes at mem; how many there are.
cdef int64_t read_ahead(int file, int64_t offset, int64_t n, unsigned char *mem, Py_ssize_t room) except -1

# What a socket has, n bytes at the most, into mem, which something keeps alive;
# 0 at its end. Never blocks. REQUIRES: 1 <= n.
cdef Py_ssize_t receive_some(int sock, unsigned char *mem, Py_ssize_t n) except -1

# The way in: bytes of a socket to a file at `offset`; 0 at the socket's end.
# REQUIRES: 1 <= n. If the file does not take them, OSError, and they are lost.
# By splice, through an empty pipe, which stays so but for an error; REFUSED, and nothing is lost:
cdef Py_ssize_t receive_spliced(int sock, Pipe pipe, int file, int64_t offset, Py_ssize_t n) except -1
# By recv and pwrite:
cdef Py_ssize_t receive_written(int sock, int file, int64_t offset, Py_ssize_t n, unsigned char *mem, Py_ssize_t room) except -1

# Sends at once what `more` kept back, which the kernel would hold for 200 ms.
# Keeps errno and any exception; a socket that never keeps bytes back ignores it.
cdef void push(int sock) noexcept nogil

# Is it an SSLSocket, whose descriptor must be left alone?
cpdef bint is_tls(object sock) except -1
# And is it one that may be written to, for the kernel encrypts (kTLS)? Only what
# OpenSSL has not begun to send itself may come between.
cpdef bint encrypts(int sock) noexcept
# The descriptor of a socket, file or the like; TypeError for what has none, and
# for an SSLSocket: what is written there would go out as it is.
cdef int plain_descriptor(object end) except -1
