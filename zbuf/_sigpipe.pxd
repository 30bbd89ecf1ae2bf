# SIGPIPE kept away from calls that know no MSG_NOSIGNAL: splice, write.
#
# The kernel sends the signal to the calling thread, also where the call then
# reports the bytes that went. So it is blocked for this thread, and taken away
# afterwards unless one was waiting before. Nothing is done where it is ignored,
# as Python leaves it.

from libc.errno cimport errno
from libc.signal cimport SIG_IGN, SIGPIPE
from posix.signal cimport (
    SIG_BLOCK, SIG_SETMASK, sigaction, sigaction_t, sigaddset, sigemptyset, siginfo_t, sigismember, sigpending,
)
from posix.time cimport timespec
from posix.types cimport sigset_t

cdef extern from "<signal.h>" nogil:
    int pthread_sigmask(int how, const sigset_t *new, sigset_t *old)
    int sigtimedwait(const sigset_t *wanted, siginfo_t *got, const timespec *timeout)

cdef struct zb_hush:
    bint on             # the signal is blocked by us, not ignored by the program
    bint waiting        # one was waiting before
    sigset_t before     # the thread's mask


cdef inline void hush(zb_hush *kept) noexcept nogil:
    cdef sigaction_t now
    cdef sigset_t pipe, waiting
    kept.on = sigaction(SIGPIPE, NULL, &now) != 0 or now.sa_handler != SIG_IGN
    if not kept.on:
        return
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &pipe, &kept.before)
    sigpending(&waiting)
    kept.waiting = sigismember(&waiting, SIGPIPE) == 1


cdef inline void unhush(zb_hush *kept) noexcept nogil:
    # Keeps errno.
    cdef sigset_t pipe
    cdef timespec at_once
    cdef int code = errno
    if not kept.on:
        return
    if not kept.waiting:
        at_once.tv_sec = at_once.tv_nsec = 0
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        sigtimedwait(&pipe, NULL, &at_once)
    pthread_sigmask(SIG_SETMASK, &kept.before, NULL)
    global errno
    errno = code
