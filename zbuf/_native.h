/* What Cython cannot say: counts that are atomic only where threads need it. */
#ifndef ZBUF_NATIVE_H
#define ZBUF_NATIVE_H

#include <Python.h>

/* Where threads run side by side a zb_mutex keeps them apart; where there is the
 * GIL it is nothing, and costs nothing. Who waits for one stays attached to the
 * interpreter: so the critical sections of the method that waits stay its own,
 * which those of a PyMutex would not, and the holder may not run Python code,
 * nor anything that waits for all threads to stop. All zeros is an open one. */
#ifdef Py_GIL_DISABLED
#include <pthread.h>
#define ZB_FREE_THREADED 1
typedef pthread_mutex_t zb_mutex;
static inline void zb_lock(zb_mutex *m) { pthread_mutex_lock(m); }
static inline void zb_unlock(zb_mutex *m) { pthread_mutex_unlock(m); }
/* What holds locks while the process forks is called by fork(2) itself: between
 * os.fork's own hooks Python code runs, and may wait for all threads to stop. */
static inline int zb_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
    if (pthread_atfork(before, parent, child) == 0)
        return 0;
    PyErr_SetString(PyExc_MemoryError, "no memory for what is done at a fork");
    return -1;
}
#else
#define ZB_FREE_THREADED 0
typedef char zb_mutex;
static inline void zb_lock(zb_mutex *m) { (void)m; }
static inline void zb_unlock(zb_mutex *m) { (void)m; }
static inline int zb_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) { (void)before; (void)parent; (void)child; return 0; }
#endif

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

/* Of an int that orders nothing: exports. */
static inline void zb_add_int(int *count, int n) { __atomic_add_fetch(count, n, __ATOMIC_RELAXED); }
static inline int zb_count_int(int *count) { return __atomic_load_n(count, __ATOMIC_RELAXED); }

/* A pointer that others may set: what it points to is whole. */
static inline void *zb_load(void *place) { return __atomic_load_n((void **)place, __ATOMIC_ACQUIRE); }
static inline void zb_store(void *place, void *p) { __atomic_store_n((void **)place, p, __ATOMIC_RELEASE); }

#else

/* The GIL orders every change of a count. */
static inline void zb_add(Py_ssize_t *count, Py_ssize_t n) { *count += n; }
static inline Py_ssize_t zb_sub(Py_ssize_t *count, Py_ssize_t n) { return *count -= n; }
static inline Py_ssize_t zb_count(Py_ssize_t *count) { return *count; }
static inline void zb_add_int(int *count, int n) { *count += n; }
static inline int zb_count_int(int *count) { return *count; }
static inline void *zb_load(void *place) { return *(void **)place; }
static inline void zb_store(void *place, void *p) { *(void **)place = p; }

#endif

/* Memory that the pool holds and nobody may touch: AddressSanitizer reports who
 * does. Where it is not compiled in, both are nothing. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ZB_SANITIZED 1
#define zb_poison(p, n) __asan_poison_memory_region(p, n)
#define zb_unpoison(p, n) __asan_unpoison_memory_region(p, n)
#else
#define ZB_SANITIZED 0
#define zb_poison(p, n) ((void)0)
#define zb_unpoison(p, n) ((void)0)
#endif

/* Dead handles of one type, for the next to be made of. A handle at rest is all
 * zeros but for its type and its method table, which is what a new one is.
 * Cython's own freelist clears twice as much, saves the pending exception
 * around every death, and does not serve subclasses: 14 ns more a handle.
 * Without the GIL none rest, for nothing orders the threads here. */
#ifdef Py_GIL_DISABLED
#define ZB_RESTING 0
#else
/* Two wishes pull apart: a handle at rest for each that a decoder hands out in
 * one call, and little idle memory (104 bytes each). With 64, the 478 frames of
 * a block of 64 KiB take 36 ns each, with 512 or more 23; its 2,048 lines take
 * 32 ns each, with 512 28, with 1,024 27 and with 2,048 22. */
#define ZB_RESTING 1024
#endif

typedef struct zb_nursery {
    struct zb_nursery *next;     /* in a list of all, which _memory has */
    int count;
    int most;                    /* that may rest; ZB_RESTING once it is open */
    PyObject *handles[ZB_RESTING + 1];
} zb_nursery;

/* A new reference; NULL with an exception if there is no memory. */
static inline PyObject *zb_wake(zb_nursery *nursery, PyTypeObject *type, newfunc make, PyObject *no_args) {
    if (nursery->count == 0)
        return make(type, no_args, NULL);
    return PyObject_Init(nursery->handles[--nursery->count], type);
}

/* Closes a nursery: none rest in it any more. */
static inline void zb_empty(zb_nursery *nursery) {
    nursery->most = 0;
    while (nursery->count > 0) {
        PyObject *handle = nursery->handles[--nursery->count];
        Py_TYPE(handle)->tp_free(handle);
    }
}

/* Lets a dead handle count as alive while it lets go of what it held. Without
 * the GIL for this thread alone: another one that was about to read it from
 * where it was finds no shared count, and takes no reference. Py_SET_REFCNT
 * would give it one. */
static inline void zb_wake_dead(PyObject *handle) {
#ifdef Py_GIL_DISABLED
    _Py_atomic_store_uintptr_relaxed(&handle->ob_tid, _Py_ThreadId());
    _Py_atomic_store_uint32_relaxed(&handle->ob_ref_local, 1);
    _Py_atomic_store_ssize_relaxed(&handle->ob_ref_shared, 0);
#else
    Py_SET_REFCNT(handle, 1);
#endif
}

/* The end of a dead handle that has let go of all it held. */
static inline void zb_rest(zb_nursery *nursery, PyObject *handle, PyTypeObject *type) {
    if (Py_TYPE(handle) == type && nursery->count < nursery->most)
        nursery->handles[nursery->count++] = handle;
    else
        Py_TYPE(handle)->tp_free(handle);
}

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

/* Give a class descriptors of its own for the methods that it inherits; -1
 * with an exception set. The interpreter's quick calls want the very type that
 * a descriptor names: without this, a call of a composite's read_u32 takes 27
 * ns instead of 15. */
static inline int zb_own_methods(PyObject *cls, PyObject *base) {
    PyTypeObject *type = (PyTypeObject *)cls;
    PyObject *name, *inherited;
    Py_ssize_t at = 0;
    while (PyDict_Next(((PyTypeObject *)base)->tp_dict, &at, &name, &inherited)) {
        if (!Py_IS_TYPE(inherited, &PyMethodDescr_Type) || PyDict_Contains(type->tp_dict, name) == 1)
            continue;
        PyObject *own = PyDescr_NewMethod(type, ((PyMethodDescrObject *)inherited)->d_method);
        if (own == NULL)
            return -1;
        int failed = PyDict_SetItem(type->tp_dict, name, own);
        Py_DECREF(own);
        if (failed)
            return -1;
    }
    PyType_Modified(type);
    return 0;
}

/* Whether a slice has no step and small bounds, and what they are; absent ones
 * become 0 and PY_SSIZE_T_MAX. Spares the 10 ns of PySlice_Unpack. */
static inline int zb_small_slice(PyObject *key, Py_ssize_t *start, Py_ssize_t *stop) {
    PySliceObject *slice = (PySliceObject *)key;
    long long low = 0, high = PY_SSIZE_T_MAX;
    if (slice->step != Py_None)
        return 0;
    if (slice->start != Py_None && !zb_small_int(slice->start, &low))
        return 0;
    if (slice->stop != Py_None && !zb_small_int(slice->stop, &high))
        return 0;
    *start = (Py_ssize_t)low;
    *stop = (Py_ssize_t)high;
    return 1;
}

#endif
