"""What the next system calls that move bytes are to say, for tests."""

from zbuf._native cimport zb_sub

cdef struct outcome:
    int code           # errno to fail with; 0: none
    Py_ssize_t most    # bytes to move

cdef Py_ssize_t left = 0
cdef bint under_way = False
cdef outcome script[MOST_OUTCOMES]    # the last first


cdef int next_line(Py_ssize_t *most) noexcept:
    cdef Py_ssize_t k = zb_sub(&left, 1)
    if k < 0:    # another thread had the last one
        return 0
    most[0] = min(most[0], script[k].most)
    return script[k].code


def _begin(outcomes):
    """Let the next calls go as these pairs of an errno and a number of bytes say."""
    global under_way, left
    cdef Py_ssize_t k = len(outcomes)
    if under_way:
        raise RuntimeError(f"a script of system calls is under way, {_left()} outcomes are left")
    if k > MOST_OUTCOMES:
        raise ValueError(f"a script has {MOST_OUTCOMES} outcomes at the most, not {k}")
    for code, most in outcomes:
        k -= 1
        script[k].code, script[k].most = code, most
    left, under_way = len(outcomes), True


def _end():
    """Let all calls go as they go; how many outcomes no call has had."""
    global under_way, left
    cdef Py_ssize_t rest = _left()
    left, under_way = 0, False
    return rest


def _left():
    """Count the outcomes that no call has had."""
    return max(left, 0)
