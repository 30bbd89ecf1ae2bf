"""Where the program is: its innermost frames, as text, without keeping the frames."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF, Py_XINCREF

cdef extern from *:
    ctypedef struct PyCodeObject:
        PyObject *co_filename
        PyObject *co_qualname
    ctypedef struct PyFrameObject:
        pass
    PyFrameObject *PyEval_GetFrame() noexcept
    PyFrameObject *PyFrame_GetBack(PyFrameObject *frame) noexcept
    PyCodeObject *PyFrame_GetCode(PyFrameObject *frame) noexcept
    int PyFrame_GetLineNumber(PyFrameObject *frame) noexcept
    bint PyGC_Disable() noexcept
    bint PyGC_Enable() noexcept


cdef void stack_take(zb_stack *stack) noexcept:
    cdef bint collects = PyGC_Disable()
    cdef PyFrameObject *frame = PyEval_GetFrame()
    cdef PyFrameObject *outer
    Py_XINCREF(<PyObject *>frame)
    stack.depth = 0
    while frame != NULL and stack.depth < FRAMES:
        look(frame, &stack.frames[stack.depth])
        stack.depth += 1
        outer = PyFrame_GetBack(frame)
        Py_XDECREF(<PyObject *>frame)
        frame = outer
    Py_XDECREF(<PyObject *>frame)
    if collects:
        PyGC_Enable()


cdef void look(PyFrameObject *frame, zb_frame *seen) noexcept:
    cdef PyCodeObject *code = PyFrame_GetCode(frame)
    seen.file = code.co_filename
    seen.name = code.co_qualname
    seen.line = PyFrame_GetLineNumber(frame)
    Py_XINCREF(seen.file)
    Py_XINCREF(seen.name)
    Py_XDECREF(<PyObject *>code)


cdef void stack_copy(zb_stack *to, zb_stack *stack) noexcept:
    cdef int k
    to[0] = stack[0]
    for k in range(to.depth):
        Py_XINCREF(to.frames[k].file)
        Py_XINCREF(to.frames[k].name)


cdef void stack_drop(zb_stack *stack) noexcept:
    while stack.depth > 0:
        stack.depth -= 1
        Py_XDECREF(stack.frames[stack.depth].file)
        Py_XDECREF(stack.frames[stack.depth].name)


cdef str stack_place(zb_stack *stack):
    return line_of(&stack.frames[0]) if stack.depth else None


cdef str stack_text(zb_stack *stack):
    cdef str text = ""
    cdef int k
    for k in range(stack.depth):
        text += f"\n  {line_of(&stack.frames[k])}"
    return text or "\n  outside of Python"


cdef str line_of(zb_frame *frame):
    return f"{<object>frame.file}:{frame.line} in {<object>frame.name}"
