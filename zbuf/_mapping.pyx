"""Mappings: bytes of a file as memory, and what becomes of them when the file is truncated."""

from cpython.exc cimport PyErr_SetFromErrno
from cpython.object cimport PyObject
from libc.errno cimport EIO, ENOMEM, errno
from libc.string cimport memset
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.signal cimport sigaction, sigaction_t, sigemptyset, siginfo_t
from posix.stat cimport fstat, struct_stat
from posix.unistd cimport _SC_PAGESIZE, close, sysconf

from zbuf._block cimport zb_block
from zbuf._calls cimport mmap as map_file
from zbuf._forks cimport open_in_child
from zbuf._memory cimport zb_malloc
from zbuf._native cimport zb_add, zb_lock, zb_mutex, zb_unlock

from zbuf.errors import TruncatedFileError

cdef extern from *:
    """
    #include <signal.h>
    #include <unistd.h>

    /* Taken for a few system calls, by the handler too. Whoever has it touches no
     * mapped memory, so a thread never waits for itself. */
    static char zb_spin;
    static inline void zb_spin_lock(void) { while (__atomic_exchange_n(&zb_spin, 1, __ATOMIC_ACQUIRE)) ; }
    static inline void zb_spin_unlock(void) { __atomic_store_n(&zb_spin, 0, __ATOMIC_RELEASE); }

    /* A signal to whom it went before. Where that is no handler, the instruction
     * runs again, and ends the process. One that a thread sends itself comes of a
     * handler that took our place and gave it back, as faulthandler does: the
     * instruction runs again, and the fault comes to us. */
    static void zb_pass_on(const struct sigaction *before, int number, siginfo_t *what, void *context) {
        if (before->sa_flags & SA_SIGINFO)
            before->sa_sigaction(number, what, context);
        else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
            before->sa_handler(number);
        else if (what->si_code != SI_TKILL || what->si_pid != getpid()) {
            sigaction(number, before, NULL);
            if (what->si_code <= 0)   /* sent by another: no instruction sends it anew */
                raise(number);
        }
    }
    """
    void pass_on "zb_pass_on" (sigaction_t *before, int number, siginfo_t *what, void *context) nogil
    void zb_spin_lock() nogil
    void zb_spin_unlock() nogil

cdef extern from *:
    int SIGBUS
    int SA_SIGINFO
    int SA_ONSTACK
    int PyGILState_Check() nogil
    unsigned long PyThread_get_thread_ident() nogil
    int PyThreadState_SetAsyncExc(unsigned long thread, PyObject *error) nogil
    int Py_AddPendingCall(int (*call)(void *) except -1, void *argument) nogil

cdef struct mapping:
    zb_block block              # first, so that the block's address is ours
    mapping *next               # in a list that only grows: the handler walks it
    unsigned char *base         # NULL: at rest
    unsigned char *end          # behind the last page
    unsigned char *lo           # [lo, hi) is patched; lo == NULL: nothing is
    unsigned char *hi
    int64_t offset              # of base in the file
    int fd                      # ours
    int rights                  # PROT_*

cdef struct fault:
    unsigned long thread        # that touched a hole; 0: free
    Py_ssize_t expected         # bytes of its mapping
    int64_t found               # of them in the file
    int64_t size                # bytes of the file

cdef enum:
    MOST_FAULTS = 64            # threads of which the numbers are known; of others there are none

cdef mapping *mappings = NULL   # all that were ever made, under the lock
cdef fault faults[MOST_FAULTS]  # under the lock
cdef Py_ssize_t pending = 0
cdef sigaction_t before         # what SIGBUS did when ours was put there
cdef bint watching = False
cdef zb_mutex watch_lock
open_in_child(&watch_lock)
cdef int64_t page = sysconf(_SC_PAGESIZE)


# -- blocks

cdef zb_block *mapping_block(int fd, int64_t offset, Py_ssize_t size, bint writable) except NULL:
    watch()
    cdef mapping *made = at_rest()
    cdef int64_t before_data = offset % page
    cdef int rights = PROT_READ | PROT_WRITE if writable else PROT_READ
    cdef void *base = map_file(NULL, size + before_data, rights, MAP_SHARED, fd, offset - before_data)
    if base == MAP_FAILED:
        put_to_rest(made)
        if errno == ENOMEM:
            raise MemoryError(f"no room for a map of {size} bytes at {offset}")
        PyErr_SetFromErrno(OSError)
    memset(&made.block, 0, sizeof(zb_block))
    made.block.refs, made.block.size_class, made.block.done = 1, -1, unmap
    made.block.data = <unsigned char *>base + before_data
    made.block.size = made.block.asked = size
    zb_spin_lock()
    made.fd, made.rights, made.offset, made.lo = fd, rights, offset - before_data, NULL
    made.end = <unsigned char *>base + (size + before_data + page - 1) // page * page
    made.base = <unsigned char *>base
    zb_spin_unlock()
    return &made.block


cdef mapping *at_rest() except NULL:
    # One that is in the list, or put there; base == NULL, but taken: end != NULL.
    cdef mapping *found
    zb_spin_lock()
    found = mappings
    while found != NULL and found.end != NULL:
        found = found.next
    if found != NULL:
        found.end = <unsigned char *>found
    zb_spin_unlock()
    return found if found != NULL else one_more()


cdef mapping *one_more() except NULL:
    global mappings
    cdef mapping *made = <mapping *>zb_malloc(sizeof(mapping))
    if made == NULL:
        raise MemoryError(f"no memory for a record of {sizeof(mapping)} bytes")
    made.base, made.end = NULL, <unsigned char *>made
    zb_spin_lock()
    made.next, mappings = mappings, made
    zb_spin_unlock()
    return made


cdef void put_to_rest(mapping *of) noexcept:
    zb_spin_lock()
    of.base = of.end = NULL
    zb_spin_unlock()


cdef void unmap(zb_block *block) noexcept:
    cdef mapping *of = <mapping *>block
    cdef unsigned char *base = of.base
    cdef Py_ssize_t size = of.end - of.base
    cdef int fd = of.fd
    put_to_rest(of)
    munmap(base, size)
    close(fd)


cdef int64_t mapped_size(zb_block *block) noexcept:
    return size_of((<mapping *>block).fd)


cdef int64_t bytes_found(zb_block *block) noexcept:
    if block.done != unmap:
        return -1
    return found_of(<mapping *>block, mapped_size(block))


cdef int64_t size_of(int fd) noexcept nogil:
    cdef struct_stat now
    return now.st_size if fstat(fd, &now) == 0 else 0


cdef int64_t found_of(mapping *of, int64_t size) noexcept nogil:
    return max(size - of.offset - (of.block.data - of.base), 0)


# -- faults

cdef int watch() except -1:
    # Once, at the first mapping: what was there before is asked about faults that are not ours.
    global watching
    cdef sigaction_t ours
    zb_lock(&watch_lock)
    if not watching:
        memset(&ours, 0, sizeof(ours))
        sigemptyset(&ours.sa_mask)
        ours.sa_sigaction = on_fault
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK
        watching = sigaction(SIGBUS, &ours, &before) == 0
    cdef bint watched = watching
    zb_unlock(&watch_lock)
    if not watched:
        PyErr_SetFromErrno(OSError)
    return 0


cdef void on_fault(int number, siginfo_t *what, void *context) noexcept nogil:
    cdef int code = errno
    global errno
    if not patched(<unsigned char *>what.si_addr):
        pass_on(&before, number, what, context)
    elif PyGILState_Check():
        PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), touched)
    else:
        Py_AddPendingCall(raise_later, NULL)
    errno = code


cdef bint patched(unsigned char *at) noexcept nogil:
    # Puts zeros where the file has nothing, if `at` is in a mapping of ours.
    cdef mapping *of
    cdef bint done = False
    zb_spin_lock()
    of = mappings
    while of != NULL and not (of.base != NULL and of.base <= at < of.end):
        of = of.next
    if of != NULL:
        done = patch(of, at)
    zb_spin_unlock()
    return done


cdef bint patch(mapping *of, unsigned char *at) noexcept nogil:
    # The page of `at`, and all behind it if the file ends before them.
    cdef int64_t size = size_of(of.fd)
    cdef unsigned char *lo = of.base + (at - of.base) // page * page
    cdef unsigned char *hi = of.end if of.offset + (lo - of.base) >= size else lo + page
    if mmap(lo, hi - lo, of.rights, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED:
        return False
    of.hi = hi if of.lo == NULL else max(of.hi, hi)
    of.lo = lo if of.lo == NULL else min(of.lo, lo)
    note(of, size)
    return True


cdef void note(mapping *of, int64_t size) noexcept nogil:
    # The numbers of a fault, for who is to raise it: this thread, or any other if it is not attached.
    cdef unsigned long thread = PyThread_get_thread_ident()
    cdef int k = 0
    while k < MOST_FAULTS and faults[k].thread != 0 and faults[k].thread != thread:
        k += 1
    if k < MOST_FAULTS:
        zb_add(&pending, faults[k].thread == 0)
        faults[k].thread, faults[k].expected = thread, of.block.size
        faults[k].found, faults[k].size = found_of(of, size), size


cdef void reopen() noexcept:
    # The file again wherever zeros are.
    cdef mapping *of = mappings
    while of != NULL:
        if of.base != NULL and of.lo != NULL:
            mmap(of.lo, of.hi - of.lo, of.rights, MAP_FIXED | MAP_SHARED, of.fd, of.offset + (of.lo - of.base))
            of.lo = NULL
        of = of.next


cdef bint take_fault(unsigned long thread, fault *what) noexcept:
    # What a thread touched, or any did if 0, which it no longer has to raise.
    cdef int k = 0
    cdef bint found
    zb_spin_lock()
    while k < MOST_FAULTS and (faults[k].thread == 0 or thread != 0 and faults[k].thread != thread):
        k += 1
    found = k < MOST_FAULTS
    if found:
        what[0] = faults[k]
        faults[k].thread = 0
        zb_add(&pending, -1)
        reopen()
    zb_spin_unlock()
    return found


cdef object error_of(fault *what):
    if what.found >= what.expected:
        return OSError(EIO, f"the disk had no room for a page of a mapped file of {what.size} bytes, or could not read it")
    return TruncatedFileError(what.expected, min(what.found, what.expected), what.size, "found")


cdef int raise_fault() except -1:
    cdef fault what
    cdef unsigned long thread = PyThread_get_thread_ident()
    if take_fault(thread, &what):
        PyThreadState_SetAsyncExc(thread, NULL)
        raise error_of(&what)
    return 0


cdef int forget_fault_slow() except -1:
    cdef fault what
    cdef unsigned long thread = PyThread_get_thread_ident()
    if take_fault(thread, &what):
        PyThreadState_SetAsyncExc(thread, NULL)
    return 0


cdef int raise_later(void *nothing) except -1 with gil:
    cdef fault what
    if take_fault(0, &what):
        raise error_of(&what)
    return 0


class _Touched(BaseException):
    """What is asked for: to be raised in a thread it has to be a class. Making one gives the error itself."""

    def __new__(cls, *made):
        cdef fault what
        if made:
            return made[0]
        memset(&what, 0, sizeof(what))
        take_fault(PyThread_get_thread_ident(), &what)
        return error_of(&what)


cdef object kept = _Touched    # the handler looks up no names
cdef PyObject *touched = <PyObject *>kept
