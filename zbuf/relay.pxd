# Relay: one direction of a stream, from a source to a target.

from libc.stdint cimport int64_t

from zbuf._splice cimport Channel

cdef enum:
    SPLICED = 1    # bits of Relay._ways
    COPIED = 2


cdef class Relay:
    # Invariants, true whenever no step is under way:
    #   (1) _channel is None, or holds bytes: _taken - _moved of them, but for
    #       what leftover() has given away
    #   (2) _copy is None, or holds bytes that the tap has still to get
    #   (3) the first _shown bytes that _channel holds are in _copy, or the tap
    #       has them: the target may have them too
    cdef object _source      # sockets, or descriptors, or what has a fileno()
    cdef object _target
    cdef object _tap         # the same, or a callable; None: no tap
    cdef Channel _channel
    cdef Channel _copy
    cdef Py_ssize_t _shown
    cdef int64_t _taken      # bytes from the source
    cdef int64_t _moved      # bytes to the target
    cdef Py_ssize_t _room    # bytes of the last pipe
    cdef int _ways
    cdef int _failed         # the source's errno, once it has failed
    cdef bint _ended         # nothing more comes from the source
    cdef bint _half_close
    cdef bint _copying       # splice was refused
    cdef bint _done
    cdef bint _stepping
    cdef bint _closed

    cdef int _idle(self) except -1
    cdef str _step(self, int64_t most)
    cdef str _finish(self)
    cdef str _wants(self)
    cdef bint _fill(self) except -1
    cdef bint _show(self) except -1
    cdef bint _tee(self) except -1
    cdef bint _drain(self, int64_t most) except -1
    cdef bint _copy_instead(self) except -1
    cdef int _empty(self) except -1
    cdef void _let_go(self) noexcept
