# Marks: places in a buffer that stay with their bytes when indices change.
#
# A handle has no room for them: all would pay for what few need, and those for
# a moment. So the marks that are set, of whatever buffers, are in one list; it
# is empty nearly always, and whoever changes indices looks no further then.

from zbuf._native cimport zb_load

cdef struct zb_mark:
    void *of               # the handle whose bytes these are; NULL: not set
    Py_ssize_t at          # index of the first of them; GONE once one of them is
    Py_ssize_t size        # how many
    zb_mark *next          # in the list of those that are set

cdef enum:
    GONE = -1

cdef zb_mark *marks        # the one set last; read without the lock only to see if there is any

# REQUIRES: not set. It stays where it is in memory until it is dropped.
cdef void mark_set(zb_mark *mark, void *of, Py_ssize_t at, Py_ssize_t size) noexcept
# REQUIRES: set. Its place stays to be read.
cdef void mark_drop(zb_mark *mark) noexcept


cdef inline void marks_shift(void *of, Py_ssize_t i, Py_ssize_t n) noexcept:
    # The bytes from index i on are n further back now; for n < 0, the -n bytes
    # before them are gone.
    if zb_load(&marks) != NULL:
        shift_marks(of, i, n)


cdef inline void marks_cut(void *of, Py_ssize_t i) noexcept:
    # The bytes from index i on are gone.
    if zb_load(&marks) != NULL:
        cut_marks(of, i)


cdef void shift_marks(void *of, Py_ssize_t i, Py_ssize_t n) noexcept
cdef void cut_marks(void *of, Py_ssize_t i) noexcept
