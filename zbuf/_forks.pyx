"""Locks that no thread may hold while the process forks."""

from zbuf._native cimport zb_at_fork, zb_lock, zb_mutex, zb_unlock

cdef enum:
    MOST = 8

cdef zb_mutex *locks[MOST]
cdef int count = 0


cdef void open_in_child(zb_mutex *lock) noexcept:
    global count
    locks[count] = lock
    count += 1


cdef void before_fork() noexcept:
    cdef int k
    for k in range(count):
        zb_lock(locks[k])


cdef void after_fork() noexcept:
    cdef int k
    for k in range(count):
        zb_unlock(locks[k])


zb_at_fork(before_fork, after_fork, after_fork)
