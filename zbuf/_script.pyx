"""What the next system calls of zbuf are to say, for tests."""

cdef extern from *:
    # Not zb_sub: calls without the GIL have lines of the script, too.
    Py_ssize_t sub_fetch "__atomic_sub_fetch" (Py_ssize_t *count, Py_ssize_t n, int order) nogil
    int ACQ_REL "__ATOMIC_ACQ_REL"

cdef struct outcome:
    int code           # errno to fail with; 0: none
    Py_ssize_t most    # bytes to move

# Those that move bytes, and those that must be named to have a line.
MOVING = {
    "sendmsg": SENDMSG, "sendfile": SENDFILE, "splice": SPLICE, "tee": TEE, "recv": RECV, "read": READ, "write": WRITE,
    "pread": PREAD, "preadv2": PREADV2, "pwrite": PWRITE, "pwritev": PWRITEV,
}
OTHERS = {
    "pipe2": PIPE2, "fcntl": FCNTL, "fstat": FSTAT, "ftruncate": FTRUNCATE, "lseek": LSEEK, "fdatasync": FDATASYNC,
    "mmap": MMAP, "msync": MSYNC, "shutdown": SHUTDOWN, "getsockopt": GETSOCKOPT, "setsockopt": SETSOCKOPT,
    "recvmsg": RECVMSG,
}

cdef Py_ssize_t left = 0
cdef int wanted = 0                   # the calls that have lines
cdef bint under_way = False
cdef outcome script[MOST_OUTCOMES]    # the last first


cdef int next_line(int call, Py_ssize_t *most) noexcept nogil:
    cdef Py_ssize_t k
    if not call & wanted:
        return 0
    k = sub_fetch(&left, 1, ACQ_REL)
    if k < 0:    # another thread had the last one
        return 0
    most[0] = min(most[0], script[k].most)
    return script[k].code


def _begin(outcomes, calls):
    """Let the next ones of these calls go as these pairs of an errno and a number of bytes say."""
    global under_way, left, wanted
    cdef Py_ssize_t k = len(outcomes)
    cdef int bits = 0
    if under_way:
        raise RuntimeError(f"a script of system calls is under way, {_left()} outcomes are left")
    if k > MOST_OUTCOMES:
        raise ValueError(f"a script has {MOST_OUTCOMES} outcomes at the most, not {k}")
    for name in calls:
        bits |= MOVING[name] if name in MOVING else OTHERS[name]
    for code, most in outcomes:
        k -= 1
        script[k].code, script[k].most = code, most
    wanted, under_way = bits, True
    left = len(outcomes)


def _end():
    """Let all calls go as they go; how many outcomes no call has had."""
    global under_way, left
    cdef Py_ssize_t rest = _left()
    left, under_way = 0, False
    return rest


def _left():
    """Count the outcomes that no call has had."""
    return max(left, 0)
