# What the next system calls that move bytes are to say: zbuf.testing.syscalls.
# Without a script it costs one look a call.

from zbuf._native cimport zb_count

cdef enum:
    MOST_OUTCOMES = 1024

cdef Py_ssize_t left    # outcomes to come

cdef int next_line(Py_ssize_t *most) noexcept


cdef inline int next_outcome(Py_ssize_t *most) noexcept:
    # The errno that the call to be made has failed with, or 0: make it, for
    # *most bytes or less, which may be fewer than *most was.
    return next_line(most) if zb_count(&left) > 0 else 0
