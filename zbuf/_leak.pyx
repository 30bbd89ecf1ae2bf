"""Leak tracking: for blocks that are watched, where they were made and last used."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF, Py_XINCREF
from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from zbuf._block cimport zb_block
from zbuf._forks cimport open_in_child
from zbuf._memory cimport zb_calloc
from zbuf._native cimport zb_count, zb_lock, zb_mutex, zb_unlock
from zbuf._stack cimport stack_copy, stack_drop, stack_place, stack_take, stack_text, zb_stack

cdef extern from *:
    int Py_AddPendingCall(int (*call)(void *) noexcept, void *argument) noexcept

cdef enum:
    SAMPLED = 128      # one block in so many, below PARANOID
    USES = 4           # last ones that are kept
    MOST_WAITING = 256 # leaks to report; of more than that, the number alone
    BUCKETS = 1024     # of the table of handles

cdef struct zb_use:
    const char *what
    PyObject *hint     # a str, or NULL; a reference of ours
    zb_stack where

cdef struct zb_record:
    void (*done)(zb_block *block) noexcept   # the block's own
    zb_record *next    # among those that wait to be reported
    double born        # seconds, of the monotonic clock
    Py_ssize_t asked   # bytes, when it ended
    bint dropped       # the buffer that left it last was dropped by Python
    bint leaked        # and so it ended
    Py_ssize_t uses    # in all
    zb_stack made
    zb_use used[USES]  # use k is in place k % USES

cdef struct zb_handle:
    void *handle
    zb_handle *next    # in its bucket
    bint ours          # made by zbuf for itself
    zb_stack released  # where; empty if it was not
    zb_stack made      # where its memory was taken; empty if that was not watched

cdef int tracking = DISABLED
cdef zb_mutex lock     # what follows, and all records
open_in_child(&lock)
cdef zb_record *first_waiting = NULL
cdef zb_record *last_waiting = NULL
cdef Py_ssize_t waiting = 0
cdef Py_ssize_t untold = 0     # leaks beyond MOST_WAITING
cdef bint summoned = False     # a pending call will report
cdef uint64_t dice
cdef zb_handle *handles[BUCKETS]    # all that there is to know of any


cdef double now() noexcept:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return t.tv_sec + t.tv_nsec * 1e-9


# -- the life of a watched block

cdef inline zb_record *record_of(zb_block *block) noexcept:
    # NULL if it is not watched.
    return <zb_record *>block.next if block.done == track_end else NULL


cdef bint drawn() noexcept:
    # By chance and not every 128th, which might always be of one kind; from
    # the same seed each time, so that runs are alike. Source: xorshift64.
    global dice
    zb_lock(&lock)
    dice ^= dice << 13
    dice ^= dice >> 7
    dice ^= dice << 17
    cdef bint hit = dice % SAMPLED == 0
    zb_unlock(&lock)
    return hit


cdef void track(zb_block *block) noexcept:
    # Without memory for a record the block is one of those not watched.
    if tracking < PARANOID and not drawn():
        return
    cdef zb_record *record = watch(block)
    if record != NULL:
        record.born = now()
        stack_take(&record.made)


cdef zb_record *watch(zb_block *block) noexcept:
    cdef zb_record *record = <zb_record *>zb_calloc(1, sizeof(zb_record))
    if record != NULL:
        record.done = block.done
        block.done = track_end
        block.next = <zb_block *>record
    return record


cdef void track_end(zb_block *block) noexcept:
    # The `done` of a watched block.
    cdef zb_record *record = record_of(block)
    block.done = record.done
    block.next = NULL
    record.asked = block.asked
    if record.leaked and tracking != DISABLED:
        enqueue(record)
    else:
        drop(record)
    block.done(block)


cdef void drop(zb_record *record) noexcept:
    cdef int k
    stack_drop(&record.made)
    for k in range(USES):
        drop_use(&record.used[k])
    free(record)


cdef void drop_use(zb_use *use) noexcept:
    stack_drop(&use.where)
    Py_XDECREF(use.hint)


cdef void track_move(zb_block *block, zb_block *larger) noexcept:
    cdef zb_record *old = record_of(block)
    cdef zb_record *record = record_of(larger)
    if old == NULL:
        return
    old.dropped = False
    if record == NULL:
        record = watch(larger)
    if record != NULL:
        record.born = old.born
        stack_drop(&record.made)
        stack_copy(&record.made, &old.made)


cdef void track_use(zb_block *block, const char *what, PyObject *hint) noexcept:
    cdef zb_record *record = record_of(block)
    cdef zb_use use
    cdef zb_use before
    if record == NULL:
        return
    use.what = what
    use.hint = hint
    Py_XINCREF(hint)
    stack_take(&use.where)
    zb_lock(&lock)
    before = record.used[record.uses % USES]
    record.used[record.uses % USES] = use
    record.uses += 1
    zb_unlock(&lock)
    drop_use(&before)


cdef void track_close(zb_block *block, Py_ssize_t n, bint dropped) noexcept:
    cdef zb_record *record = record_of(block)
    if record != NULL:
        record.dropped = dropped
        record.leaked = dropped and zb_count(&block.refs) == n


cdef void track_unview(zb_block *block) noexcept:
    cdef zb_record *record = record_of(block)
    if record != NULL:
        record.leaked = record.dropped and zb_count(&block.refs) == 1


# -- what is known of handles

cdef zb_handle **bucket_of(void *handle) noexcept:
    return &handles[(<size_t>handle >> 4) % BUCKETS]


cdef void track_release(void *handle, zb_block *block) noexcept:
    cdef zb_record *record = record_of(block)
    cdef zb_handle *known
    if record == NULL and tracking < PARANOID:
        return
    known = <zb_handle *>zb_calloc(1, sizeof(zb_handle))
    if known == NULL:
        return
    stack_take(&known.released)
    if record != NULL:
        stack_copy(&known.made, &record.made)
    learn(handle, known)


cdef void track_ours(void *handle) noexcept:
    cdef zb_handle *known = <zb_handle *>zb_calloc(1, sizeof(zb_handle))
    if known != NULL:
        known.ours = True
        learn(handle, known)


cdef void learn(void *handle, zb_handle *known) noexcept:
    cdef zb_handle **bucket = bucket_of(handle)
    known.handle = handle
    zb_lock(&lock)
    known.next = bucket[0]
    bucket[0] = known
    zb_unlock(&lock)


cdef bint track_burial(void *handle) noexcept:
    cdef zb_handle *known
    cdef bint ours
    zb_lock(&lock)
    cdef zb_handle **link = link_to(handle)
    known = link[0]
    if known != NULL:
        link[0] = known.next
    zb_unlock(&lock)
    if known == NULL:
        return False
    ours = known.ours
    forget(known)
    return ours


cdef zb_handle **link_to(void *handle) noexcept:
    # REQUIRES: the lock.
    cdef zb_handle **link = bucket_of(handle)
    while link[0] != NULL and link[0].handle != handle:
        link = &link[0].next
    return link


cdef void forget(zb_handle *known) noexcept:
    stack_drop(&known.released)
    stack_drop(&known.made)
    free(known)


cdef void forget_all() noexcept:
    cdef zb_handle *known
    cdef int k
    zb_lock(&lock)
    for k in range(BUCKETS):
        while handles[k] != NULL:
            known = handles[k]
            handles[k] = known.next
            forget(known)
    zb_unlock(&lock)


cdef object track_noted(object error, void *handle):
    cdef zb_stack released
    cdef zb_stack made
    zb_lock(&lock)
    cdef zb_handle *known = link_to(handle)[0]
    if known != NULL:
        stack_copy(&released, &known.released)
        stack_copy(&made, &known.made)
    zb_unlock(&lock)
    if known != NULL:
        note(error, "released", &released)
        note(error, "allocated", &made)
    return error


cdef int note(object error, str what, zb_stack *where) except -1:
    # Drops the stack.
    try:
        if where.depth:
            error.add_note(f"{what}, innermost call first:{stack_text(where)}")
    finally:
        stack_drop(where)
    return 0


cdef int track_seen(list found, zb_block *block) except -1:
    cdef zb_record *record = record_of(block)
    found.append(None if record == NULL else now() - record.born)
    found.append(None if record == NULL else stack_place(&record.made))
    return 0


# -- reports

cdef void enqueue(zb_record *record) noexcept:
    global first_waiting, last_waiting, waiting, untold
    zb_lock(&lock)
    cdef bint told = waiting < MOST_WAITING
    if not told:
        untold += 1
    elif first_waiting == NULL:
        first_waiting = last_waiting = record
    else:
        last_waiting.next = record
        last_waiting = record
    waiting += told
    zb_unlock(&lock)
    if not told:
        drop(record)
    summon()


cdef void summon() noexcept:
    # The main thread reports, between two instructions of its own. Where too
    # many others wait for it too, the next leak tries again.
    global summoned
    if not summoned:
        summoned = Py_AddPendingCall(report_pending, NULL) == 0


cdef int report_pending(void *nothing) noexcept:
    report_all()
    return 0


cdef Py_ssize_t report_all() noexcept:
    # Warns of all that waits; how many leaks that were. As with Python's own
    # ResourceWarnings, one that is made an error cannot be raised from where
    # the object went: it goes to sys.unraisablehook.
    global summoned
    cdef Py_ssize_t number = 0
    cdef zb_record *record
    summoned = False
    while True:
        record = dequeue()
        if record == NULL:
            return number + report_untold()
        warn_of(record)
        drop(record)
        number += 1


cdef zb_record *dequeue() noexcept:
    global first_waiting, waiting
    zb_lock(&lock)
    cdef zb_record *record = first_waiting
    if record != NULL:
        first_waiting = record.next
        waiting -= 1
    zb_unlock(&lock)
    return record


cdef Py_ssize_t report_untold() noexcept:
    global untold
    zb_lock(&lock)
    cdef Py_ssize_t number = untold
    untold = 0
    zb_unlock(&lock)
    if number:
        warn(f"{number} more buffers were dropped without release()", "zbuf", 1)
    return number


cdef void warn_of(zb_record *record) noexcept:
    cdef zb_stack *made = &record.made
    warn(
        f"a buffer of {record.asked} bytes was dropped without release()"
        f"\nallocated, innermost call first:{stack_text(made)}{uses_text(record)}",
        <object>made.frames[0].file if made.depth else "zbuf",
        made.frames[0].line if made.depth else 1,
    )


registry = {}    # what the "default" and "once" filters of warnings remember


cdef void warn(str text, str file, int line) noexcept:
    from warnings import warn_explicit   # who tracks leaks has paid for the import
    warn_explicit(text, ResourceWarning, file, line, registry=registry)


cdef str uses_text(zb_record *record):
    cdef str text = ""
    cdef Py_ssize_t k = record.uses
    cdef zb_use *use
    while k > max(record.uses - USES, <Py_ssize_t>0):
        k -= 1
        use = &record.used[k % USES]
        hint = "" if use.hint == NULL else f" ({<object>use.hint})"
        text += f"\n{use.what.decode()}{hint}, number {k + 1} of {record.uses}:{stack_text(&use.where)}"
    return text


# -- the level

cdef zb_follower *followers = NULL


cdef void track_follow(zb_follower *follower, void (*changed)() noexcept) noexcept:
    global followers
    follower.changed = changed
    follower.next = followers
    followers = follower


def _set_level(int level):
    """Track by this level from now on; the one before."""
    global tracking, dice
    cdef int before = tracking
    cdef zb_follower *follower = followers
    tracking = level
    dice = 88172645463325252
    while follower != NULL:
        follower.changed()
        follower = follower.next
    if level == DISABLED:
        forget_all()
    return before


def _level():
    """The level now."""
    return tracking


def _report():
    """Warn of the leaks that wait; how many."""
    return report_all()
