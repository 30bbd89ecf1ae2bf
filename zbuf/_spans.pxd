# A buffer's bytes as the parts of one system call.

from posix.uio cimport iovec

from zbuf._block cimport zb_block
from zbuf._buf cimport ByteBuf


cdef inline int gather_spans(ByteBuf buf, Py_ssize_t i, Py_ssize_t most, iovec *parts, int places) noexcept:
    # The written bytes from index i on, `most` at the most, in as many parts as
    # they lie in and there are places for; how many. The pointers are good
    # while the buffer is, and nobody moves it. REQUIRES: live, 0 <= i <= _w.
    cdef int count = 0
    cdef Py_ssize_t left = min(buf._w - i, most)
    cdef Py_ssize_t n = 0
    cdef zb_block *block
    while left and count < places:
        parts[count].iov_base = buf._span(i, &n, &block)
        n = min(n, left)
        parts[count].iov_len = n
        i += n
        left -= n
        count += 1
    return count
