/* What Cython cannot say: counts that are atomic only where threads need it. */
#ifndef ZBUF_NATIVE_H
#define ZBUF_NATIVE_H

#include <Python.h>

#ifdef Py_GIL_DISABLED

/* Taking a reference needs no order, since the taker already holds one. */
static inline void zb_add(Py_ssize_t *count, Py_ssize_t n) {
    __atomic_add_fetch(count, n, __ATOMIC_RELAXED);
}

/* Give references back; what is left.
 * Release: what this thread wrote happens before the block is reused.
 * Acquire, for the last one out: it sees what every other thread wrote.
 * One acq_rel step, not release + fence: ThreadSanitizer does not see fences. */
static inline Py_ssize_t zb_sub(Py_ssize_t *count, Py_ssize_t n) {
    return __atomic_sub_fetch(count, n, __ATOMIC_ACQ_REL);
}

static inline Py_ssize_t zb_count(Py_ssize_t *count) {
    return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

#else

/* The GIL orders every change of a count. */
static inline void zb_add(Py_ssize_t *count, Py_ssize_t n) { *count += n; }
static inline Py_ssize_t zb_sub(Py_ssize_t *count, Py_ssize_t n) { return *count -= n; }
static inline Py_ssize_t zb_count(Py_ssize_t *count) { return *count; }

#endif

/* The value of a small exact-enough int, without a call; 0 if it takes one. */
static inline int zb_small_int(PyObject *v, long long *out) {
    if (!PyLong_Check(v))
        return 0;
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *)v))
        return 0;
    *out = (long long)PyUnstable_Long_CompactValue((PyLongObject *)v);
#else
    Py_ssize_t digits = Py_SIZE(v);
    if (digits < -1 || digits > 1)
        return 0;
    *out = digits * (long long)((PyLongObject *)v)->ob_digit[0];
#endif
    return 1;
}

#endif
