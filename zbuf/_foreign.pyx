"""Foreign memory as a block: whatever exports a buffer may lie under a handle."""

from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_CheckExact
from cpython.exc cimport PyErr_Fetch, PyErr_Restore
from cpython.object cimport PyObject
from libc.stdlib cimport free
from libc.string cimport memset

from zbuf._block cimport zb_block
from zbuf._memory cimport zb_malloc
from zbuf._native cimport zb_add, zb_count, zb_sub


cdef struct foreign:
    zb_block block     # first, so that the block's address is ours
    Py_buffer view

cdef Py_ssize_t live = 0
cdef unsigned char nothing = 0   # where empty exporters without memory lie


def live_foreign_blocks() -> int:
    """Count the exports that wrapped buffers and queued sends hold now.

    >>> zbuf._foreign.live_foreign_blocks()
    0

    Returns: 0 or more.
    """
    return zb_count(&live)


cdef zb_block *foreign_block(object exporter, bint *readonly) except NULL:
    if not PyObject_CheckBuffer(exporter):
        raise TypeError(f"a bytes-like object is required, not {type(exporter).__name__!r}")
    cdef foreign *made = <foreign *>zb_malloc(sizeof(foreign))
    if made == NULL:
        raise MemoryError(f"no memory for a record of {sizeof(foreign)} bytes")
    try:
        hold(exporter, &made.view)
    except:
        free(made)
        raise
    memset(&made.block, 0, sizeof(zb_block))
    made.block.refs = 1
    made.block.data = <unsigned char *>made.view.buf
    if made.view.len == 0:
        made.block.data = &nothing
    made.block.size = made.block.asked = made.view.len
    made.block.done = let_go
    made.block.size_class = -1
    readonly[0] = made.view.readonly
    zb_add(&live, 1)
    return &made.block


cdef int hold(object exporter, Py_buffer *view) except -1:
    # Exporters do not have to say `readonly` honestly unless asked to write;
    # bytes do, and refusing costs them an exception.
    if PyBytes_CheckExact(exporter):
        return PyObject_GetBuffer(exporter, view, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(exporter, view, PyBUF_WRITABLE)
    except (BufferError, TypeError, ValueError):   # numpy's is a ValueError
        PyObject_GetBuffer(exporter, view, PyBUF_SIMPLE)
        view.readonly = True
    return 0


cdef void let_go(zb_block *block) noexcept:
    cdef foreign *made = <foreign *>block
    cdef PyObject *kind
    cdef PyObject *error
    cdef PyObject *trace
    zb_sub(&live, 1)
    PyErr_Fetch(&kind, &error, &trace)   # handles die while exceptions are on their way
    PyBuffer_Release(&made.view)
    PyErr_Restore(kind, error, trace)
    free(made)
