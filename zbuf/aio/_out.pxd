# Out: what is to go out of a connection, in order, until it has gone.

from libc.stdint cimport int64_t

from zbuf.outbound cimport OutboundBuffer


cdef class Turn:
    # The flushes that are due in this turn of a loop: one callback for all of
    # its connections, behind all that is ready to run now, so that what else
    # is written goes with it.
    cdef object __weakref__
    cdef object _loop       # alive as long as this is found by its id
    cdef list _outs         # not empty: the callback is on its way

    cdef int add(self, Out out) except -1


cdef class Out:
    # Positions count the bytes that were ever queued: _gone have left, so the
    # end of the queue is at _gone + _pending().
    #
    # Invariants, true whenever none of this object's methods is running:
    #   (1) while something is pending, a flush will come: due
    #   (2) _busy implies due: a flush is under way, or who knows when the next
    #       one makes sense will start it; another one would be in vain
    #   (3) once _over nothing is pending, nobody waits, and refusal is set
    cdef object _loop
    cdef Turn _turn
    cdef object _transport
    cdef int64_t _gone
    cdef list _waiters      # (position, future) of those who wait until it has gone
    cdef list _last         # what is done after the last byte
    cdef bint due           # who writes need not see to a flush
    cdef bint _busy
    cdef bint _over         # the connection is no more
    cdef object error       # what ended it, or None
    cdef object refusal     # why nothing more may be written, or None

    # -- what each way out does its own way
    cdef int _put(self, object data) except -1
    cdef int _put_all(self, object parts) except -1
    cdef int64_t _pending(self) except -1
    # Sends some of what is pending, and ends with _after or fail.
    cdef int _send(self) except -1
    # Gives back all that is pending.
    cdef int _drop(self) except -1
    # The transport has enough, or takes more again.
    cdef int pause(self) except -1
    cdef int resume(self) except -1
    # The transport will close by itself: what is pending goes now or never.
    cdef int last_call(self) except -1

    # -- what they have in common
    cdef int write(self, object data) except -1
    cdef int write_all(self, object parts) except -1
    cdef int _schedule(self) except -1
    cdef int flush(self) except -1
    cdef int _after(self, bint busy) except -1
    cdef int _wake(self) except -1
    cdef int _do_last(self) except -1
    cdef object until_drained(self)
    cdef object until_gone(self)
    cdef object _until(self, int64_t position)
    cdef int finish(self, object step, object refusal) except -1
    cdef int fail(self, object error) except -1
    cdef int lose(self, object error) except -1


# Why a thread did not do what it was to do, or None.
cdef object failure(object work)


cdef class SocketOut(Out):
    # Sends to the socket of a transport by itself: gathered, and files by
    # sendfile. The transport never has a byte to write, so it never writes
    # between ours. Its loop lets nobody else watch its descriptor: while the
    # socket is full, a duplicate is watched. Bytes of a file that are only on the
    # disk would hold up the loop: a thread reads them ahead.
    cdef OutboundBuffer _queue
    cdef int _fd            # the transport's; open until its connection_lost()
    cdef int _dup           # ours, or -1
    cdef bint _watching
    cdef bint _warming      # a thread reads ahead

    cdef int _send_some(self, int64_t most, bint stops) except -1
    cdef int _warm(self) except -1
    cdef int _watch(self, bint wanted) except -1
