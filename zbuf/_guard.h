/* Without the GIL: calls of methods that keep an object to themselves.
 *
 * Every slot, method and property of a guarded class is replaced, once, by one of
 * the stubs below. A stub begins a critical section on the object, and on the
 * buffer or region that it is given, and then calls what it stands for. So no
 * method can forget it, and where there is the GIL there is no stub at all.
 *
 * A critical section is to one object what the GIL is to all: who waits lets go
 * of it, and so does a method that runs foreign code or releases the GIL. What
 * holds under the GIL between two such points holds here too. */
#ifndef ZB_GUARD_H
#define ZB_GUARD_H

#include <Python.h>

typedef PyObject *(*zb_inner)(PyObject *object);

#ifndef Py_GIL_DISABLED

static inline void zb_guarded_argument(PyObject *cls) { (void)cls; }
static inline int zb_guard_class(PyObject *cls, int shared, zb_inner inner) { (void)cls; (void)shared; (void)inner; return 0; }
static inline int zb_guard_function(PyObject *function) { (void)function; return 0; }
static inline int zb_has_guard(PyObject *member) { (void)member; return 0; }

#else

/* Slots of all kinds take up to four words and give one or none back, which all
 * calling conventions of these platforms pass in registers: a stub hands them on
 * as they are, whatever they mean. */
typedef void *(*zb_call)(void *, void *, void *, void *);

typedef enum {
    ZB_ALONE,     /* no objects but self */
    ZB_SECOND,    /* the second word is an object */
    ZB_THIRD,     /* the third is */
    ZB_ARRAY,     /* the second is an array of objects, as many as the third says */
    ZB_TUPLE      /* the second is a tuple */
} zb_shape;

typedef struct {
    zb_call call;
    zb_inner inner;    /* another object that goes with self, or NULL */
    zb_shape shape;
    int shared;        /* self needs no guard: it never changes, or has a lock of its own */
} zb_guard;

#define ZB_GUARDS 1024
static zb_guard zb_guards[ZB_GUARDS];
static int zb_guards_used;
static PyTypeObject *zb_arguments[2];    /* what is guarded when it is given to another */

static inline int zb_is_argument(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    return (zb_arguments[0] != NULL && PyType_IsSubtype(type, zb_arguments[0]))
        || (zb_arguments[1] != NULL && PyType_IsSubtype(type, zb_arguments[1]));
}

/* Is the object held already, by the section that this thread began last? Those
 * before it may be suspended. CPython 3.14 asks itself the same. */
static inline int zb_is_held(PyObject *object) {
    uintptr_t tagged = PyThreadState_GetUnchecked()->critical_section;
    PyCriticalSection *last = (PyCriticalSection *)(tagged & ~(uintptr_t)3);
    if (last == NULL || object == NULL)
        return last != NULL;
    return last->_cs_mutex == &object->ob_mutex
        || (tagged & 2 && ((PyCriticalSection2 *)last)->_cs_mutex2 == &object->ob_mutex);
}

/* One more to hold, if there is a place for it. */
static inline void zb_also(PyObject **held, PyObject *object) {
    if (object == NULL || !zb_is_argument(object) || object == held[0])
        return;
    if (held[0] == NULL)
        held[0] = object;
    else if (held[1] == NULL)
        held[1] = object;
}

static void zb_find(const zb_guard *guard, PyObject **held, void *b, void *c) {
    PyObject *const *objects = b;
    Py_ssize_t n = (Py_ssize_t)c;
    switch (guard->shape) {
    case ZB_ALONE: return;
    case ZB_SECOND: zb_also(held, b); return;
    case ZB_THIRD: zb_also(held, c); return;
    case ZB_TUPLE: n = PyTuple_GET_SIZE(b); objects = ((PyTupleObject *)b)->ob_item;
    case ZB_ARRAY: break;
    }
    for (Py_ssize_t k = 0; k < n && held[1] == NULL; k++)
        zb_also(held, objects[k]);
}

static void *zb_guarded(const zb_guard *guard, void *a, void *b, void *c, void *d) {
    PyObject *held[2] = {guard->shared ? NULL : a, NULL};
    void *result;
    if (guard->inner != NULL)
        zb_also(held, guard->inner(a));
    zb_find(guard, held, b, c);
    if (held[0] == NULL || (zb_is_held(held[0]) && zb_is_held(held[1])))
        return guard->call(a, b, c, d);
    if (held[1] != NULL) {
        PyCriticalSection2 section;
        PyCriticalSection2_Begin(&section, held[0], held[1]);
        result = guard->call(a, b, c, d);
        PyCriticalSection2_End(&section);
    } else {
        PyCriticalSection section;
        PyCriticalSection_Begin(&section, held[0]);
        result = guard->call(a, b, c, d);
        PyCriticalSection_End(&section);
    }
    return result;
}

/* The stubs, numbered in octal. */
#define ZB_STUB(n) static void *zb_stub_##n(void *a, void *b, void *c, void *d) { return zb_guarded(&zb_guards[0##n], a, b, c, d); }
#define ZB_NAME(n) zb_stub_##n,
#define ZB_8(f, n) f(n##0) f(n##1) f(n##2) f(n##3) f(n##4) f(n##5) f(n##6) f(n##7)
#define ZB_64(f, n) ZB_8(f, n##0) ZB_8(f, n##1) ZB_8(f, n##2) ZB_8(f, n##3) ZB_8(f, n##4) ZB_8(f, n##5) ZB_8(f, n##6) ZB_8(f, n##7)
#define ZB_512(f, n) ZB_64(f, n##0) ZB_64(f, n##1) ZB_64(f, n##2) ZB_64(f, n##3) ZB_64(f, n##4) ZB_64(f, n##5) ZB_64(f, n##6) ZB_64(f, n##7)
ZB_512(ZB_STUB, 0)
ZB_512(ZB_STUB, 1)
static const zb_call zb_stubs[ZB_GUARDS] = {ZB_512(ZB_NAME, 0) ZB_512(ZB_NAME, 1)};

/* The stub for a call that has one already, or is one; NULL if there is none. */
static zb_call zb_stub_of(zb_call call) {
    for (int k = 0; k < zb_guards_used; k++)
        if (zb_guards[k].call == call || zb_stubs[k] == call)
            return zb_stubs[k];
    return NULL;
}

/* Puts a stub in the place of a call; -1 with an exception if all are used. */
static int zb_replace(void *place, zb_guard guard) {
    zb_call *slot = place;
    zb_call stub = *slot == NULL ? NULL : zb_stub_of(*slot);
    if (*slot == NULL || stub != NULL) {
        *slot = stub;
        return 0;
    }
    if (zb_guards_used == ZB_GUARDS) {
        PyErr_Format(PyExc_SystemError, "all %d guards are used", ZB_GUARDS);
        return -1;
    }
    guard.call = *slot;
    zb_guards[zb_guards_used] = guard;
    *slot = zb_stubs[zb_guards_used++];
    return 0;
}

static int zb_guard_method(PyMethodDef *method, zb_guard guard) {
    if (method->ml_flags & (METH_CLASS | METH_STATIC))
        guard.shared = 1;
    guard.shape = method->ml_flags & METH_FASTCALL ? ZB_ARRAY
        : method->ml_flags & METH_VARARGS ? ZB_TUPLE : method->ml_flags & METH_O ? ZB_SECOND : ZB_ALONE;
    return zb_replace(&method->ml_meth, guard);
}

/* A slot that the class does not have from its base, which has its own guard or needs none. */
#define ZB_SLOT(slot, guard) (type->slot == type->tp_base->slot ? 0 : zb_replace(&type->slot, guard))
#define ZB_SLOT_OF(table, slot, guard) \
    (type->table == NULL || (type->tp_base->table != NULL && type->table->slot == type->tp_base->table->slot) \
        ? 0 : zb_replace(&type->table->slot, guard))

static int zb_guard_slots(PyTypeObject *type, zb_guard guard) {
    zb_guard second = guard, third = guard;
    second.shape = ZB_SECOND;
    third.shape = ZB_THIRD;
    return ZB_SLOT(tp_repr, guard) | ZB_SLOT(tp_iter, guard) | ZB_SLOT(tp_iternext, guard) | ZB_SLOT(tp_richcompare, second)
        | ZB_SLOT_OF(tp_as_number, nb_bool, guard)
        | ZB_SLOT_OF(tp_as_sequence, sq_length, guard) | ZB_SLOT_OF(tp_as_sequence, sq_contains, second)
        | ZB_SLOT_OF(tp_as_mapping, mp_length, guard) | ZB_SLOT_OF(tp_as_mapping, mp_subscript, second)
        | ZB_SLOT_OF(tp_as_mapping, mp_ass_subscript, third)
        | ZB_SLOT_OF(tp_as_buffer, bf_getbuffer, guard) | ZB_SLOT_OF(tp_as_buffer, bf_releasebuffer, guard);
}

/* What a class's dictionary holds: methods, properties, and slots by their names. */
static int zb_guard_member(PyTypeObject *type, PyObject *member, zb_guard guard) {
    zb_call stub;
    if (PyObject_TypeCheck(member, &PyMethodDescr_Type) || Py_IS_TYPE(member, &PyClassMethodDescr_Type)) {
        if (((PyDescrObject *)member)->d_type == type)
            return zb_guard_method(((PyMethodDescrObject *)member)->d_method, guard);
    } else if (Py_IS_TYPE(member, &PyGetSetDescr_Type)) {
        PyGetSetDef *property = ((PyGetSetDescrObject *)member)->d_getset;
        zb_guard setter = guard;
        setter.shape = ZB_SECOND;
        return zb_replace(&property->get, guard) | zb_replace(&property->set, setter);
    } else if (Py_IS_TYPE(member, &PyWrapperDescr_Type)) {
        stub = zb_stub_of((zb_call)((PyWrapperDescrObject *)member)->d_wrapped);
        if (stub != NULL)
            ((PyWrapperDescrObject *)member)->d_wrapped = (void *)stub;
    }
    return 0;
}

static int zb_guard_class(PyObject *cls, int shared, zb_inner inner) {
    PyTypeObject *type = (PyTypeObject *)cls;
    zb_guard guard = {NULL, inner, ZB_ALONE, shared};
    PyObject *name, *member;
    Py_ssize_t at = 0;
    if (zb_guard_slots(type, guard) < 0)
        return -1;
    while (PyDict_Next(type->tp_dict, &at, &name, &member))
        if (zb_guard_member(type, member, guard) < 0)
            return -1;
    PyType_Modified(type);
    return 0;
}

static int zb_guard_function(PyObject *function) {
    zb_guard guard = {NULL, NULL, ZB_ALONE, 1};
    return zb_guard_method(((PyCFunctionObject *)function)->m_ml, guard);
}

/* Whether a member of a class's dictionary that can be called has a stub; 1 for all others. */
static int zb_has_guard(PyObject *member) {
    if (PyObject_TypeCheck(member, &PyMethodDescr_Type) || Py_IS_TYPE(member, &PyClassMethodDescr_Type))
        return zb_stub_of((zb_call)((PyMethodDescrObject *)member)->d_method->ml_meth) != NULL;
    if (Py_IS_TYPE(member, &PyGetSetDescr_Type))
        return zb_stub_of((zb_call)((PyGetSetDescrObject *)member)->d_getset->get) != NULL;
    if (Py_IS_TYPE(member, &PyWrapperDescr_Type))
        return zb_stub_of((zb_call)((PyWrapperDescrObject *)member)->d_wrapped) != NULL;
    return 1;
}

static void zb_guarded_argument(PyObject *cls) {
    zb_arguments[zb_arguments[0] != NULL] = (PyTypeObject *)cls;
}

#endif
#endif
