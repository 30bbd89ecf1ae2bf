"""Searcher: many patterns sought at once."""

cimport cython
from libc.stdint cimport UINT32_MAX, uint32_t
from libc.stdlib cimport free
from libc.string cimport memchr

from zbuf._block cimport zb_block
from zbuf._buf cimport ByteBuf, readable
from zbuf._guard cimport guard
from zbuf._memory cimport count_objects, zb_calloc

from operator import itemgetter

cdef enum:
    BLOCK = 32    # bytes that are looked at side by side


@cython.final
cdef class Searcher:
    """Searcher(*patterns)\n--\n\nFinds any of several byte strings, in one pass however many they are.

    >>> ends = zbuf.Searcher(b"\\r\\n", b"\\n", b"\\0")
    >>> ends.find(b"key: value\\r\\nnext")
    (10, 0)

    What is found is what is complete first; of several patterns that end at
    the same byte the longest. If no pattern lies inside another one, that is
    also the one that begins first. So a pattern that begins with another one
    is never found, and nothing is ever waited for. Of equal patterns the first
    counts.

    Patterns are bytes-like. Searching takes linear time for any data; the
    automaton takes four bytes for each byte of a pattern times the number of
    different bytes in them. Cannot change, and can be shared.

    Raises:  ValueError for no pattern or an empty one, TypeError for what is
             not bytes-like, MemoryError.
    Source:  io.netty.buffer.search.AhoCorasicSearchProcessorFactory.
    """

    def __cinit__(self, *patterns):
        cdef list given = []
        for pattern in patterns:
            given.append(readable(pattern).__bytes__())
        self._patterns = tuple(given)
        if not self._patterns:
            raise ValueError("at least one pattern is required")
        if b"" in self._patterns:
            raise ValueError(f"pattern {self._patterns.index(b'')} is empty")
        self._build()

    def __dealloc__(self):
        free(self._rows)
        free(self._depth)

    # -- making the automaton

    cdef int _build(self) except -1:
        cdef Py_ssize_t states = 1 + sum(map(len, self._patterns))
        cdef uint32_t last = 0
        cdef uint32_t which = 0
        cdef uint32_t *queue
        self._classify(b"".join(self._patterns), bytes(map(itemgetter(0), self._patterns)))
        if states > UINT32_MAX // self._columns:
            raise MemoryError(f"{states} states of {self._columns - 1} classes of bytes are too many")
        self._rows = <uint32_t *>zb_calloc(states * self._columns, sizeof(uint32_t))
        self._depth = <uint32_t *>zb_calloc(states, sizeof(uint32_t))
        queue = <uint32_t *>zb_calloc(2 * states, sizeof(uint32_t))
        try:
            if self._rows == NULL or self._depth == NULL or queue == NULL:
                raise MemoryError(f"no memory for {states} states of {self._columns - 1} classes of bytes")
            for pattern in self._patterns:
                which += 1
                self._add(pattern, which, &last)
            self._link(queue, queue + states)
        finally:
            free(queue)
        return 0

    cdef int _classify(self, bytes used, bytes firsts) except -1:
        # Column 1 is for the bytes that no pattern has, unless there are none.
        cdef bytes different = bytes(set(used))
        cdef int column = 2 if len(different) < 256 else 1
        cdef int k
        for k in range(256):
            self._class[k] = 1
        for byte in different:
            self._class[<unsigned char>byte] = column
            column += 1
        self._columns = column
        different = bytes(set(firsts))
        self._firsts = len(different)
        for byte in different:
            self._begins[<unsigned char>byte] = True
        for k in range(FEW):
            self._first[k] = different[k % self._firsts]
        return 0

    cdef void _add(self, bytes pattern, uint32_t which, uint32_t *last) noexcept:
        # Adds a branch to the trie; rows are numbered as they come.
        cdef uint32_t state = 0
        cdef uint32_t depth = 0
        cdef uint32_t *step
        cdef unsigned char byte
        for byte in pattern:
            depth += 1
            step = &self._rows[state + self._class[byte]]
            if step[0] == 0:
                last[0] += 1
                step[0] = last[0] * self._columns
                self._depth[last[0]] = depth
            state = step[0]
        if self._rows[state] == 0:
            self._rows[state] = which

    cdef void _link(self, uint32_t *queue, uint32_t *back) noexcept:
        # Breadth first: back is, for each row, where to go on from a state
        # that has no branch, the state of its longest end that is shorter; its
        # row is done before those of the states that are deeper.
        cdef Py_ssize_t first = 0
        cdef Py_ssize_t stop = 1
        cdef uint32_t state, child, other
        cdef Py_ssize_t k
        while first < stop:
            state = queue[first]
            first += 1
            for k in range(1, self._columns):
                child = self._rows[state + k]
                other = self._rows[back[state // self._columns] + k] if state else 0
                if child == 0:
                    self._rows[state + k] = other
                    continue
                back[child // self._columns] = other
                if self._rows[child] == 0:
                    self._rows[child] = self._rows[other]
                queue[stop] = child
                stop += 1

    # -- reading

    cdef Py_ssize_t _read(self, uint32_t *state, const unsigned char *p, Py_ssize_t n, Py_ssize_t *which) noexcept nogil:
        cdef Py_ssize_t i = 0
        cdef uint32_t now = state[0]
        while True:
            if now == 0:
                i = self._skip(p, i, n)
            if i == n:
                state[0] = now
                return -1
            now = self._rows[now + self._class[p[i]]]
            i += 1
            if self._rows[now]:
                which[0] = self._rows[now] - 1
                state[0] = 0
                return i

    cdef Py_ssize_t _skip(self, const unsigned char *p, Py_ssize_t i, Py_ssize_t n) noexcept nogil:
        # From i to a byte that a pattern begins with, or n.
        cdef const unsigned char *at
        if self._firsts == 1:
            at = <const unsigned char *>memchr(p + i, self._first[0], n - i)
            return at - p if at != NULL else n
        if self._firsts <= FEW:
            while n - i >= BLOCK and not has_any(p + i, self._first):
                i += BLOCK
        while i < n and not self._begins[p[i]]:
            i += 1
        return i

    cdef Py_ssize_t _partial(self, uint32_t state) noexcept nogil:
        return self._depth[state // self._columns]

    # -- what is found

    @property
    def patterns(self):
        """What is searched for, as bytes; a match tells its number here.

        >>> zbuf.Searcher(b"a", bytearray(b"b")).patterns
        (b'a', b'b')
        """
        return self._patterns

    def find(self, data, /):
        """Find the first match: (where it begins, which pattern it is), or None.

        >>> zbuf.Searcher(b"?", b"--").find(zbuf.copied(b"a--b?"))
        (1, 1)

        `data` is a bytes-like, or a buffer or composite, which is searched
        from its reader on, moving nothing.
        Returns: an offset from the first byte, as bytes.find does, and the
                 pattern's number.
        Raises:  TypeError for what is not bytes-like, ReleasedError, MemoryError.
        """
        cdef ByteBuf buf = readable(data)
        cdef uint32_t state = 0
        cdef Py_ssize_t i = buf._r
        cdef Py_ssize_t here, end, which
        cdef zb_block *block
        cdef unsigned char *mem
        while i < buf._w:
            mem = buf._span(i, &here, &block)
            here = min(here, buf._w - i)
            end = self._read(&state, mem, here, &which)
            if end >= 0:
                return i + end - buf._r - len(self._patterns[which]), which
            i += here
        return None

    def find_all(self, data, /):
        """List all matches that do not overlap: (where each begins, which pattern it is).

        >>> zbuf.Searcher(b"he", b"she", b"hers").find_all(b"ushers, he")
        [(1, 1), (8, 0)]

        The search goes on behind each match. All else as find().
        """
        cdef uint32_t state = 0
        return self._all(readable(data), &state, 0)

    def scan(self):
        """Begin a search that goes over many buffers.

        >>> scan = zbuf.Searcher(b"\\r\\n").scan()
        >>> scan.feed(b"one\\r"), scan.feed(b"\\ntwo\\r\\n")
        ([], [(3, 0), (8, 0)])

        Source: io.netty.buffer.search.SearchProcessor.
        """
        cdef Scan scan = Scan.__new__(Scan)
        scan._searcher = self
        return scan

    cdef list _all(self, ByteBuf data, uint32_t *state, Py_ssize_t origin):
        # REQUIRES: nobody else has the handle: lists and tuples are made here.
        cdef list made = []
        cdef Py_ssize_t i = data._r
        cdef Py_ssize_t here, end, which
        cdef zb_block *block
        cdef unsigned char *mem
        origin -= i
        while i < data._w:
            mem = data._span(i, &here, &block)
            here = min(here, data._w - i)
            end = self._read(state, mem, here, &which)
            if end < 0:
                i += here
                continue
            i += end
            made.append((origin + i - <Py_ssize_t>len(self._patterns[which]), which))
        return made


@cython.final
cdef class Scan:
    """A search that goes over many buffers: made by Searcher.scan.

    >>> zbuf.Searcher(b"x").scan().position
    0
    """

    def __init__(self, *args, **kwargs):
        raise TypeError("Scan is made by Searcher.scan")

    @property
    def position(self):
        """How many bytes were searched."""
        return self._position

    def feed(self, data, /):
        """Search the next bytes, and list the matches that end in them.

        >>> scan = zbuf.Searcher(b"ab", b"b").scan()
        >>> scan.feed(zbuf.copied(b"xa")), scan.feed(b"bb"), scan.position
        ([], [(1, 0), (3, 1)], 4)

        Keeps none of the bytes.
        Returns: (where in all bytes so far it begins, which pattern it is).
        Raises:  TypeError for what is not bytes-like, ReleasedError,
                 MemoryError; nothing has changed.
        """
        cdef ByteBuf buf = readable(data)
        cdef uint32_t state = self._state
        cdef list made = self._searcher._all(buf, &state, self._position)
        self._state = state
        self._position += buf._w - buf._r
        return made


cdef bint has_any(const unsigned char *p, const unsigned char *wanted) noexcept nogil:
    # Is one of FEW bytes among the next BLOCK? Without a branch, so that the
    # compiler makes a few wide instructions of it.
    cdef unsigned char hit = 0
    cdef unsigned char a = wanted[0]
    cdef unsigned char b = wanted[1]
    cdef unsigned char c = wanted[2]
    cdef unsigned char d = wanted[3]
    cdef int k
    for k in range(BLOCK):
        hit |= (p[k] == a) | (p[k] == b) | (p[k] == c) | (p[k] == d)
    return hit


count_objects(Searcher)
count_objects(Scan)


guard(globals(), (Searcher,))
