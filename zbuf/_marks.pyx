"""Marks: places in a buffer that stay with their bytes when indices change."""

from zbuf._forks cimport open_in_child
from zbuf._native cimport zb_lock, zb_mutex, zb_store, zb_unlock

cdef zb_mutex lock         # the list, and the places of all that is in it
open_in_child(&lock)


cdef void mark_set(zb_mark *mark, void *of, Py_ssize_t at, Py_ssize_t size) noexcept:
    zb_lock(&lock)
    mark.of, mark.at, mark.size = of, at, size
    mark.next = marks
    zb_store(&marks, mark)
    zb_unlock(&lock)


cdef void mark_drop(zb_mark *mark) noexcept:
    # The one set last is dropped first, as a rule.
    zb_lock(&lock)
    cdef zb_mark **link = &marks
    while link[0] != mark:
        link = &link[0].next
    zb_store(link, mark.next)
    mark.of = NULL
    zb_unlock(&lock)


cdef void shift_marks(void *of, Py_ssize_t i, Py_ssize_t n) noexcept:
    zb_lock(&lock)
    cdef zb_mark *mark = marks
    while mark != NULL:
        if mark.of == of:
            shift(mark, i, n)
        mark = mark.next
    zb_unlock(&lock)


cdef void shift(zb_mark *mark, Py_ssize_t i, Py_ssize_t n) noexcept:
    if mark.at >= i:
        mark.at += n
    elif mark.at + mark.size > i + min(n, 0):
        mark.at = GONE


cdef void cut_marks(void *of, Py_ssize_t i) noexcept:
    zb_lock(&lock)
    cdef zb_mark *mark = marks
    while mark != NULL:
        if mark.of == of and mark.at + mark.size > i:
            mark.at = GONE
        mark = mark.next
    zb_unlock(&lock)
