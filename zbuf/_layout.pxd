# Layout: many fields in one call.

from zbuf._buf cimport ByteBuf

cdef struct zb_field:
    char code              # of the struct module, or m, M for 24 bits
    Py_ssize_t offset      # of the first byte, from the start of the layout
    Py_ssize_t size        # bytes; of one item


cdef class Layout:
    # Invariants:
    #   (1) the fields lie in order inside [0, _size) and do not overlap
    #   (2) _fields has _count of them and belongs to this object alone
    cdef zb_field *_fields
    cdef Py_ssize_t _count
    cdef Py_ssize_t _size      # bytes, padding included
    cdef bint _little
    cdef object _format

    cdef int _parse(self, str text) except -1
    cdef int _add(self, char code, Py_ssize_t n, int at) except -1
    cdef int _pack(self, tuple values, unsigned char *p) except -1
    cdef bytes _packed(self, tuple values)
    cdef int _fill(self, tuple values, ByteBuf buf, Py_ssize_t i) except -1
