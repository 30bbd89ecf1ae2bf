"""From Python's numbers to C's: the halves that may raise."""

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLong
from cpython.number cimport PyNumber_Index

cdef extern from "Python.h":
    Py_ssize_t PyNumber_AsSsize_t(object value, void *error) except? -1   # error NULL: clips


cdef int raise_size(Py_ssize_t n) except -1:
    raise ValueError(f"size {n} is negative")


cdef int64_t fit_slow(object value, int64_t low, int64_t high) except? -1:
    cdef int overflow = 0
    whole = PyNumber_Index(value)
    cdef long long v = PyLong_AsLongLongAndOverflow(whole, &overflow)
    if overflow or not low <= v <= high:
        raise OverflowError(f"{shown(whole)} does not fit {low} .. {high}")
    return v


cdef uint64_t fit_u64_slow(object value) except? 1:
    whole = PyNumber_Index(value)
    if not 0 <= whole < 1 << 64:
        raise OverflowError(f"{shown(whole)} does not fit 0 .. {(1 << 64) - 1}")
    return PyLong_AsUnsignedLongLong(whole)


cdef Py_ssize_t index_slow(object value) except? -1:
    return PyNumber_AsSsize_t(value, NULL)


cdef unsigned char byte_slow(object value) except? 255:
    whole = PyNumber_Index(value)
    if not 0 <= whole <= 255:
        raise ValueError(f"a byte is 0 .. 255, not {shown(whole)}")
    return whole


cdef int raise_single(double value) except -1:
    raise OverflowError(f"{value} does not fit a 32-bit float")


cdef str shown(object whole):
    # Python refuses to print an integer of thousands of digits.
    return str(whole) if whole.bit_length() <= 1024 else f"an integer of {whole.bit_length()} bits"
