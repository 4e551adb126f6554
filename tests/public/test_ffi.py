"""Functions of shared libraries: handlers of XLA's typed interface, plain functions, errors."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import ffi
from gradax.extend.core import Primitive
from gradax.ffi import structures as s
from gradax.ffi.interface import FUNCTION
from gradax.interpreters import mlir

# What XLA's headers declare, as far as these handlers read it.
SOURCE = r"""
#include <stddef.h>
#include <stdint.h>
typedef struct {
  size_t size; void* ext; int dtype; void* data; int64_t rank; int64_t* dims;
} Buffer;
typedef struct { size_t size; void* ext; int64_t n; int* types; void** values; } Values;
typedef struct { const char* ptr; size_t len; } Span;
typedef struct { int dtype; void* value; } Scalar;
typedef struct {
  size_t size; void* ext; int64_t n; int* types; Span** names; void** values;
} Attrs;
typedef struct { size_t size; void* ext; const char* message; int code; } ErrorArgs;
typedef struct { size_t size; void* ext; struct { size_t s; void* e; int a, b; } version;
                 void* internal; void* (*error)(ErrorArgs*); } Api;
typedef struct { size_t size; void* ext; Api* api; void* ctx; int stage; Values args, rets;
                 Attrs attrs; void* future; } Frame;

void* scale(Frame* f) {
  Buffer *x = f->args.values[0], *y = f->rets.values[0];
  int64_t n = 1;
  for (int i = 0; i < x->rank; ++i) n *= x->dims[i];
  float by = *(float*)((Scalar*)f->attrs.values[0])->value;
  if (by == 0 || x->dtype != 11) {
    ErrorArgs e = {sizeof e, 0, "by is zero", 3};
    return f->api->error(&e);
  }
  for (int64_t i = 0; i < n; ++i) ((float*)y->data)[i] = ((float*)x->data)[i] * by;
  return 0;
}
void plain(float* out, float** in) { for (int i = 0; i < 3; ++i) out[i] = in[0][i] + 1; }
"""
X = np.arange(6, dtype=np.float32).reshape(2, 3)
LIKE = jax.ShapeDtypeStruct((2, 3), np.float32)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler to make a library with")
    folder = tmp_path_factory.mktemp("ffi")
    (folder / "k.c").write_text(SOURCE)
    made = folder / "k.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", folder / "k.c", "-o", made], check=True)
    found = ctypes.CDLL(str(made))
    ffi.register_ffi_target("tested_scale", ffi.pycapsule(found.scale))
    ffi.register_ffi_target("tested_plain", ffi.pycapsule(found.plain), api_version=0)
    return found


def scale(x, by=2.0, **options):
    return ffi.ffi_call("tested_scale", LIKE, **options)(x, by=np.float32(by))


@pytest.mark.parametrize("method", [None, "sequential", "expand_dims", "broadcast_all"])
def test_a_typed_handler_under_every_transformation(library, method):
    call = lambda x: scale(x, vmap_method=method)
    np.testing.assert_array_equal(call(X), 2 * X)
    np.testing.assert_array_equal(jax.jit(call)(X), 2 * X)
    stacked = np.stack([X, X + 1, X - 1], 2)
    want = 2 * np.moveaxis(stacked, 2, 0)
    np.testing.assert_array_equal(jax.vmap(call, in_axes=2)(stacked), want)
    np.testing.assert_array_equal(jax.jit(jax.vmap(call, in_axes=2))(stacked), want)
    looped = jax.jit(lambda x: jax.lax.fori_loop(0, 3, lambda _, c: call(c), x))
    np.testing.assert_array_equal(looped(X), 8 * X)


def test_with_a_derivative_of_its_own(library):
    f = jax.custom_jvp(scale)
    f.defjvp(lambda primals, tangents: (scale(*primals), 2 * tangents[0]))
    np.testing.assert_array_equal(jax.jit(jax.grad(lambda x: f(x).sum()))(X), np.full((2, 3), 2))
    with pytest.raises(NotImplementedError, match="tested_scale has no derivative of its own"):
        jax.grad(lambda x: scale(x).sum())(X)


def test_several_results_side_effects_aliases_and_layouts(library):
    both = ffi.ffi_call("tested_scale", (LIKE,), has_side_effect=True)
    (found,) = jax.jit(lambda x: both(x, by=np.float32(3)))(X)
    np.testing.assert_array_equal(found, 3 * X)
    again = ffi.ffi_call("tested_scale", LIKE, input_output_aliases={0: 0})
    np.testing.assert_array_equal(again(X, by=np.float32(3)), 3 * X)
    # Read down columns and written along rows.
    turned = ffi.ffi_call("tested_scale", LIKE, input_layouts=[(1, 0)])
    np.testing.assert_array_equal(turned(X, by=np.float32(1)), X.T.reshape(2, 3))
    with pytest.raises(ValueError, match="operand 0 and result 0 cannot share memory"):
        ffi.ffi_call("tested_scale", LIKE, input_output_aliases={0: 0})(X[0])


def test_a_plain_function(library):
    like = jax.ShapeDtypeStruct((3,), np.float32)
    call = ffi.ffi_call("tested_plain", like, custom_call_api_version=1)
    np.testing.assert_array_equal(jax.jit(call)(X[0]), X[0] + 1)


def test_as_the_lowering_of_a_primitive(library):
    scale_p = Primitive("tested_scale_p")
    scale_p.def_abstract_eval(lambda x, *, by: x)
    mlir.register_lowering(scale_p, ffi.ffi_lowering("tested_scale"))
    scale_p.multiple_results = False
    bind = jax.jit(lambda x: scale_p.bind(x, by=np.float32(4)))
    np.testing.assert_array_equal(bind(X), 4 * X)


def test_the_handlers_error_is_raised(library):
    with pytest.raises(jax.errors.JaxRuntimeError, match="INVALID_ARGUMENT: by is zero"):
        scale(X, 0.0)
    with pytest.raises(jax.errors.JaxRuntimeError, match="'tested_scale' failed"):
        jax.jit(lambda x: scale(x, 0.0))(X).block_until_ready()


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="no target 'nowhere' is registered"):
        ffi.ffi_call("nowhere", LIKE)(X)
    with pytest.raises(ValueError, match="vmap_method is one of"):
        ffi.ffi_call("nowhere", LIKE, vmap_method="fast")
    with pytest.raises(TypeError, match="expected a PyCapsule"):
        ffi.register_ffi_target("wrong", 3)
    with pytest.raises(ValueError, match="the stages are instantiate"):
        ffi.register_ffi_target("wrong", {"begin": 3})


def test_stages_keep_a_state_and_handlers_get_memory():
    seen = []

    def instantiate(at):
        frame = s.Frame.from_address(at)
        request = s.StateRequest(context=frame.context, stage=0, state=77)
        function(frame, 7)(ctypes.addressof(request))
        seen.append("instantiate")

    def execute(at):
        frame = s.Frame.from_address(at)
        request = s.StateRequest(context=frame.context, stage=0)
        function(frame, 8)(ctypes.addressof(request))
        memory = s.AllocateRequest(context=frame.context, size=64, alignment=64)
        function(frame, 9)(ctypes.addressof(memory))
        seen.append((request.state, memory.data % 64))
        out = s.Buffer.from_address(frame.rets.values[0])
        ctypes.memset(out.data, 0, 24)

    def function(frame, k):
        """Return the function at a place of the interface's table."""
        table = s.Sized.from_address(frame.api)
        first = frame.api + table.struct_size - 18 * 8
        return FUNCTION(ctypes.c_void_p.from_address(first + 8 * k).value)

    stages = {"instantiate": FUNCTION(instantiate), "execute": FUNCTION(execute)}
    capsules = {k: ffi.pycapsule(f) for k, f in stages.items()}
    ffi.register_ffi_target("tested_stages", capsules)
    call = jax.jit(lambda x: ffi.ffi_call("tested_stages", LIKE)(x))
    for _ in range(2):
        np.testing.assert_array_equal(call(X), jnp.zeros((2, 3)))
    assert seen == ["instantiate", (77, 0), (77, 0)]
