import ml_dtypes
import numpy as np
import pytest
from test_arrays import STANDARD, make

from gradax import native
from gradax.core.aval import Aval


class Capsule:
    """What an older producer or consumer exchanges: no versions."""

    def __init__(self, array, **options):
        self.array, self.options = array, options

    def __dlpack__(self, **_):
        return self.array.__dlpack__(**self.options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("dtype", STANDARD)
def test_to_numpy(dtype):
    x = make(np.arange(6).reshape(2, 3).astype(dtype))
    y = np.from_dlpack(x)
    assert y.ctypes.data == x._pointer
    assert not y.flags.writeable
    np.testing.assert_array_equal(y, native.array_view(x))
    np.testing.assert_array_equal(np.from_dlpack(Capsule(x)), y)
    assert x.__dlpack_device__() == (1, 0)


@pytest.mark.parametrize("dtype", STANDARD)
def test_from_numpy(dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype)
    aval = Aval((2, 3), dtype)
    for options in ({}, {"max_version": (1, 0)}):
        capsule = values.__dlpack__(**options)
        shape, _, bits, device, dense = native.describe_dlpack(capsule)
        assert (shape, bits, device, dense) == ((2, 3), 8 * values.itemsize, 1, 1)
        x = native.array_from_dlpack(capsule, aval)
        np.testing.assert_array_equal(native.array_view(x), values)
        with pytest.raises(TypeError, match="not used yet"):
            native.array_from_dlpack(capsule, aval) if x._pointer == values.ctypes.data else (
                native.describe_dlpack(3)
            )


def test_aligned_memory_is_shared_and_given_back():
    x = make(np.arange(1000.0))
    before = native.memory_stats()["live_allocs"]
    y = native.array_from_dlpack(x.__dlpack__(), x.aval)
    assert y._pointer == x._pointer
    x.delete()
    assert native.array_view(y)[999] == 999
    del x, y
    assert native.memory_stats()["live_allocs"] == before - 1


def test_copies_on_request():
    x = make(np.arange(3.0))
    y = np.from_dlpack(x, copy=True)
    y[0] = 7
    assert native.array_view(x)[0] == 0


def test_bfloat16():
    x = make(np.ones(3, ml_dtypes.bfloat16))
    shape, code, bits, _, _ = native.describe_dlpack(x.__dlpack__())
    assert (shape, code, bits) == ((3,), 4, 16)
    y = native.array_from_dlpack(x.__dlpack__(max_version=(1, 1)), x.aval)
    assert native.array_view(y).dtype == ml_dtypes.bfloat16


def test_unused_capsules_free_their_memory():
    before = native.memory_stats()["live_allocs"]
    for options in ({}, {"max_version": (1, 0)}):
        make(np.ones(100)).__dlpack__(**options)
    assert native.memory_stats()["live_allocs"] == before


def test_refused():
    x = make(np.ones(3))
    with pytest.raises(ValueError, match="expected dense CPU memory"):
        native.array_from_dlpack(x.__dlpack__(), Aval((4,), np.float64))
    with pytest.raises(ValueError, match="expected dense CPU memory"):
        native.array_from_dlpack(x.__dlpack__(), Aval((3,), np.int64))
    with pytest.raises(ValueError, match="expected dense CPU memory"):
        native.array_from_dlpack(np.ones((3, 4)).T.__dlpack__(), Aval((4, 3), np.float64))
    with pytest.raises(BufferError):
        x.__dlpack__(stream=1)
    with pytest.raises(TypeError):
        x.__dlpack__(max_version=1)
    with pytest.raises(BufferError, match="no type"):
        make(np.ones(3, ml_dtypes.float8_e5m2)).__dlpack__()
