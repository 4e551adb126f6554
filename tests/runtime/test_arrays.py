import gc
import weakref

import ml_dtypes
import numpy as np
import pytest
from native_programs import F32, V3, array, value

from gradax import native
from gradax.core.aval import Aval

STANDARD = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
STANDARD += ["float16", "float32", "float64", "complex64", "complex128"]


def make(values, dtype=None, copy=True):
    values = np.asarray(values, dtype)
    return native.Array.from_numpy(values, Aval(values.shape, values.dtype), copy)


@pytest.mark.parametrize("dtype", [*STANDARD, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_round_trip(dtype, shape):
    values = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    x = make(values)
    seen = native.array_view(x)
    assert seen.dtype == values.dtype
    assert seen.shape == shape
    np.testing.assert_array_equal(seen.astype(complex), values.astype(complex))
    assert x._pointer % 64 == 0
    assert (x.ndim, x.size, x.nbytes) == (values.ndim, values.size, values.nbytes)
    assert x.itemsize == values.itemsize
    assert x.on_device_size_in_bytes == values.nbytes


def test_attributes():
    aval = Aval((3,), np.float32, True)
    x = native.Array.from_numpy(np.ones(3, np.float32), aval)
    assert x.aval is aval
    assert x.shape == (3,)
    assert x.dtype == np.float32
    assert x.weak_type is True
    assert x._sharding is None
    assert x._pieces == (x,) or x._pieces[0] is x
    assert type(x).__module__ == "gradax"
    assert type(x).__qualname__ == "Array"


def test_copies_are_apart():
    values = np.ones(3, np.float32)
    x = native.Array.from_numpy(values, V3)
    values[0] = 7
    assert value(x) == [1, 1, 1]


def test_views_are_read_only_and_cached():
    x = array(1, V3)
    view = native.array_view(x)
    assert native.array_view(x) is view
    assert not view.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1


def test_a_view_outlives_its_array():
    x = make(np.arange(1000.0))
    view = native.array_view(x)
    del x
    for _ in range(10):
        make(np.zeros(1000))
    assert view[999] == 999


def test_empty_memory_is_taken_over():
    out = native.empty(V3)
    out[:] = [1, 2, 3]
    x = native.Array.from_numpy(out, V3, copy=False)
    assert x._pointer == out.ctypes.data
    assert not out.flags.writeable
    assert value(x) == [1, 2, 3]


def test_aligned_memory_is_shared_and_kept():
    owner = np.zeros(1024 + 64, np.uint8)
    start = -owner.ctypes.data % 64
    values = owner[start : start + 1024].view(np.float32)
    x = native.Array.from_numpy(values, Aval((256,), np.float32), copy=False)
    assert x._pointer == values.ctypes.data
    alive = weakref.ref(owner)
    del owner, values
    assert alive() is not None
    del x
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("values", [np.arange(12.0).reshape(3, 4).T, np.arange(12.0)[::-1]])
@pytest.mark.parametrize("copy", [True, False])
def test_strided_memory_is_copied(values, copy):
    np.testing.assert_array_equal(native.array_view(make(values, copy=copy)), values)


def test_other_byte_order_is_converted():
    values = np.arange(3, dtype=">f4")
    np.testing.assert_array_equal(
        native.array_view(native.Array.from_numpy(values, V3)), [0.0, 1.0, 2.0]
    )


def test_numpy_scalars():
    assert value(native.Array.from_numpy(np.float32(2.5), F32)) == 2.5


@pytest.mark.parametrize(
    ("source", "aval", "error"),
    [
        (np.ones(4, np.float32), V3, ValueError),
        (np.ones((3, 1), np.float32), V3, ValueError),
        (np.ones(3, np.float64), V3, TypeError),
        (np.ones(3, np.int32), V3, TypeError),
        ([1.0, 2.0, 3.0], V3, TypeError),
        (np.ones(3, np.float32), None, TypeError),
        (np.ones(3, np.float32), 5, TypeError),
        (np.array([1, None, "x"], object), V3, TypeError),
    ],
)
def test_wrong_sources(source, aval, error):
    with pytest.raises(error, match=r"from_numpy|aval"):
        native.Array.from_numpy(source, aval)


def test_numpy_protocol():
    x = make([1.5, 2.5], np.float32)
    assert np.asarray(x).ctypes.data == x._pointer
    assert x.__array__() is native.array_view(x)
    assert np.asarray(x, np.int32).tolist() == [1, 2]
    copied = np.array(x)
    copied[0] = 9
    assert value(x) == [1.5, 2.5]
    with pytest.raises(ValueError, match="without a copy"):
        x.__array__(np.float64, copy=False)
    with pytest.raises(TypeError):
        x.__array__("no dtype")


def test_buffer_protocol():
    view = memoryview(make([[1, 2], [3, 4]], np.int32))
    assert view.readonly
    assert view.tolist() == [[1, 2], [3, 4]]
    assert view.format == "i"


def test_scalars():
    assert float(make(1.5, np.float32)) == 1.5
    assert float(make(3, np.int32)) == 3.0
    assert float(make(1.5, ml_dtypes.bfloat16)) == 1.5
    assert int(make(2.9, np.float32)) == 2
    assert int(make(2**64 - 1, np.uint64)) == 2**64 - 1
    assert complex(make(1 + 2j, np.complex64)) == 1 + 2j
    assert complex(make(2, np.int8)) == 2
    assert [10, 20, 30][make(1, np.int8)] == 20
    assert bool(make([[5]], np.int32))
    assert not make(False)


@pytest.mark.parametrize("dtype", STANDARD[:9])
def test_integers_of_all_widths(dtype):
    for number in (0, np.iinfo(dtype).max if dtype != "bool" else 1):
        assert int(make(number, dtype)) == number


@pytest.mark.parametrize(
    ("convert", "values", "error"),
    [
        (float, [1.0], TypeError),
        (int, [1, 2], TypeError),
        (complex, [1.0], TypeError),
        (float, 1j, TypeError),
        (bool, [1, 2], ValueError),
        (bool, [], ValueError),
        ([1, 2].__getitem__, 1.0, TypeError),
        ([1, 2].__getitem__, [1], TypeError),
        (hash, 1.0, TypeError),
        (hash, [1], TypeError),
    ],
)
def test_refused_conversions(convert, values, error):
    with pytest.raises(error):
        convert(make(values))


def test_deleted_arrays():
    x = array(1, V3)
    view = native.array_view(x)
    x.delete()
    x.delete()
    assert x.is_deleted()
    assert x.shape == (3,)
    for read in (native.array_view, np.asarray, x.is_ready.__class__ and (lambda a: a.is_ready())):
        with pytest.raises(RuntimeError, match="Array has been deleted"):
            read(x)
    for method in ("block_until_ready", "__dlpack__"):
        with pytest.raises(RuntimeError, match="Array has been deleted"):
            getattr(x, method)()
    with pytest.raises((RuntimeError, BufferError)):
        memoryview(x)
    assert view.tolist() == [1, 1, 1]


def test_arrays_are_made_by_functions():
    with pytest.raises(TypeError, match="made by functions"):
        native.Array()
    with pytest.raises(TypeError):
        type("Mine", (native.Array,), {})


def test_weak_references_and_attributes():
    x = array(1)
    ref = weakref.ref(x)
    with pytest.raises(AttributeError):
        x.colour = 1
    del x
    assert ref() is None


def test_methods_can_be_assigned():
    native.Array._twice = lambda self: 2 * float(self)
    try:
        assert array(4)._twice() == 8
    finally:
        del native.Array._twice


def test_same_memory_as_another_aval():
    x = make(np.arange(6, dtype=np.float32))
    y = x._with(Aval((2, 3), np.float32, True))
    assert y._pointer == x._pointer
    assert y.weak_type
    assert native.array_view(y)[1, 2] == 5
    with pytest.raises(ValueError, match="bytes"):
        x._with(V3)
    with pytest.raises(TypeError):
        x._with()


def test_pieces():
    halves = [make(np.arange(3.0) + i) for i in (0, 3)]
    sharding = object()
    x = native.Array.from_pieces(Aval((6,), np.float64), sharding, halves)
    assert x.sharding is sharding
    assert x._pieces == tuple(halves) or all(a is b for a, b in zip(x._pieces, halves, strict=True))
    assert x.on_device_size_in_bytes == 48
    x.block_until_ready()
    with pytest.raises(ValueError, match="no single address"):
        _ = x._pointer
    with pytest.raises(TypeError):
        native.Array.from_pieces(Aval((6,), np.float64), sharding, [1])
    with pytest.raises(ValueError, match="at least one"):
        native.Array.from_pieces(Aval((6,), np.float64), sharding, [])
    x.delete()
    assert halves[0].is_deleted()


class Loose:
    """An aval that nothing checked."""

    weak_type = False

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, dtype


class Extended:
    itemsize = 8

    def __str__(self):
        return "key<test>"


def test_extended_dtypes():
    x = native.Array.from_numpy(np.arange(2, dtype=np.uint64), Loose((2,), Extended()))
    assert native.array_view(x).dtype == np.uint64
    with pytest.raises(TypeError, match="key<test> has no NumPy counterpart"):
        np.asarray(x)
    with pytest.raises(BufferError):
        memoryview(x)
    with pytest.raises(BufferError):
        x.__dlpack__()
    for convert in (float, int, bool, complex):
        with pytest.raises((TypeError, ValueError)):
            convert(native.Array.from_numpy(np.uint64(1), Loose((), Extended())))


def test_empty_dtypes():
    float0 = np.dtype([("float0", np.void, 0)])
    x = native.Array.from_numpy(np.zeros(3, float0), Aval((3,), float0))
    assert native.array_view(x).dtype == float0
    assert x.nbytes == 0


@pytest.mark.parametrize(
    "aval",
    [
        Loose((2**62, 4), np.dtype("f4")),
        Loose((-1,), np.dtype("f4")),
        Loose((1,) * 70, np.dtype("f4")),
        Loose((3,), np.dtype("O")),
        Loose([3], np.dtype("f4")),
        Loose(("x",), np.dtype("f4")),
        Loose((3,), "f4"),
        Loose((3,), None),
    ],
)
def test_avals_without_a_layout(aval):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        native.empty(aval)
