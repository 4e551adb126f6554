"""Dtypes: names, kinds, canonical forms, promotion, limits, keys, and what mistakes say."""

import copy
import pickle
import warnings

import numpy as np
import pytest

from gradax import config, dtypes, errors

KEY = dtypes.KeyType()


class Value:
    """Stand in for an array of ours."""

    def __init__(self, dtype, weak=False):
        self.dtype = np.dtype(dtype)
        self.weak_type = weak


def test_scalar_types_are_dtypes_to_numpy():
    assert np.zeros(2, dtypes.float32).dtype == np.float32
    assert np.dtype(dtypes.bfloat16) == dtypes.bfloat16.dtype == np.dtype("bfloat16")
    assert dtypes.float32 == np.float32 and np.float32 == dtypes.float32
    assert dtypes.float32 == np.dtype("float32") and np.dtype("float32") == dtypes.float32
    assert dtypes.float32 != np.float64 and dtypes.float32 != dtypes.int32
    assert {dtypes.float32: 1}[np.float32] == 1  # as in JAX; a dict has one of two hashes
    assert repr(dtypes.bool_) == "<class 'gradax.numpy.bool'>"
    assert isinstance(np.float32(1), dtypes.float32)
    assert dtypes.float_ is dtypes.float64


def test_scalar_types_make_arrays(monkeypatch):
    monkeypatch.setattr(dtypes.names, "_array_maker", [])
    with pytest.raises(TypeError, match="import gradax"):
        dtypes.int8(3)
    dtypes.set_array_maker(np.asarray)
    assert dtypes.int8(3).dtype == np.int8


def test_key_type():
    assert KEY is dtypes.KeyType("fry", (2,), np.uint64)
    assert KEY is pickle.loads(pickle.dumps(KEY)) is copy.deepcopy(KEY)
    assert dtypes.KeyType("rbg", (4,)) != KEY
    assert (str(KEY), KEY.name, KEY.itemsize, KEY.physical) == (
        "key<fry>",
        "key<fry>",
        8,
        np.uint64,
    )
    assert np.dtype("float32") != KEY
    with pytest.raises(AttributeError, match="immutable"):
        KEY.x = 1


@pytest.mark.parametrize(
    ("dtype", "short"),
    [
        ("float32", "f32"),
        ("int8", "i8"),
        ("uint16", "u16"),
        ("bool", "bool"),
        ("complex64", "c64"),
        ("bfloat16", "bf16"),
        ("float8_e4m3fn", "f8_e4m3fn"),
        ("uint4", "u4"),
        (KEY, "key<fry>"),
        (dtypes.float0, "float0"),
    ],
)
def test_short_name(dtype, short):
    assert dtypes.short_name(dtypes.parse_dtype(dtype)) == short


@pytest.mark.parametrize(
    ("dtype", "above"),
    [
        ("bfloat16", "floating inexact number generic bfloat16"),
        ("float8_e5m2", "floating inexact number generic float8_e5m2"),
        ("int4", "signedinteger integer number generic int4"),
        ("uint2", "unsignedinteger integer number generic uint2"),
        ("int32", "signedinteger integer number generic int32"),
        ("complex64", "complexfloating inexact number generic complex64"),
        ("bool", "generic bool_"),
        (float, "floating inexact number generic float64"),
        (KEY, "extended prng_key generic"),
        (np.floating, "floating inexact number generic"),
    ],
)
def test_issubdtype(dtype, above):
    names = (
        "generic number integer signedinteger unsignedinteger inexact floating complexfloating"
        " extended prng_key bool_ int4 uint2 int32 float8_e5m2 bfloat16 float32 float64 complex64"
    )
    held = {n for n in names.split() if dtypes.issubdtype(dtype, getattr(dtypes, n))}
    assert held == set(above.split())


def test_isdtype():
    assert dtypes.isdtype("int4", "signed integer")
    assert dtypes.isdtype("bfloat16", ("integral", "real floating"))
    assert dtypes.isdtype(dtypes.float32, np.float32)
    assert not dtypes.isdtype(KEY, "numeric")
    with pytest.raises(ValueError, match="kind 'foo'"):
        dtypes.isdtype("int4", "foo")


def test_scalar_type_of():
    for value in (True, 1, 1.0, 1j):
        assert dtypes.scalar_type_of(value) is type(value)
        assert dtypes.scalar_type_of(np.asarray(value)) is type(value)
    assert dtypes.scalar_type_of(Value("int4")) is int


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("float64", "float32"),
        (np.int64, "int32"),
        (dtypes.uint64, "uint32"),
        (complex, "complex64"),
        (None, "float32"),
        (">f4", "float32"),
        ("int4", "int4"),
    ],
)
def test_canonicalize(wide, narrow):
    assert dtypes.canonicalize_dtype(wide) == np.dtype(narrow)
    with config.enable_x64(True):
        native = np.dtype(wide).newbyteorder("=") if wide == ">f4" else np.dtype(wide)
        assert dtypes.canonicalize_dtype(wide) == native


def test_canonicalize_refuses():
    for dtype in (object, "S3", "M8[s]", np.longdouble):
        with pytest.raises(errors.DtypeError, match="is not one that arrays hold"):
            dtypes.canonicalize_dtype(dtype)
    with pytest.raises(errors.DtypeError, match="key<fry>"):
        dtypes.canonicalize_dtype(KEY)
    assert dtypes.canonicalize_dtype(KEY, allow_extended=True) is KEY


def test_mistakes_are_named():
    with pytest.raises(TypeError, match="dtype 'float33' is not understood; did you mean float32"):
        dtypes.parse_dtype("float33")
    with pytest.raises(TypeError, match="zeros: dtype 3 is not understood"):
        dtypes.check_user_dtype(3, "zeros")
    with pytest.raises(TypeError, match=r"got \[1\] of type list"):
        dtypes.dtype_of([1])


def test_explicit_64_bit_warns_at_the_users_line():
    with pytest.warns(UserWarning, match="Explicitly requested dtype float64 in zeros") as seen:
        assert dtypes.check_user_dtype("float64", "zeros") == np.float32
    assert seen[0].filename == __file__
    with config.strict(True), pytest.raises(errors.DtypeError, match="truncated to int32"):
        dtypes.check_user_dtype(dtypes.int64, "zeros")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dtypes.check_user_dtype(float, "zeros") == np.float32
        assert dtypes.check_user_dtype(None, "zeros") is None
        with config.enable_x64(True):
            assert dtypes.check_user_dtype("float64", "zeros") == np.float64


def test_dtype_and_weakness_of_values():
    assert [dtypes.dtype_of(x).name for x in (True, 1, 1.0, 1j, np.float64(1), np.zeros(2))] == [
        *("bool", "int32", "float32", "complex64", "float32", "float32")
    ]
    assert dtypes.dtype_of(Value("float64")) == np.float64
    weak = [dtypes.is_weak(x) for x in (True, 1, 1.0, 1j, np.float64(1), Value("int8", True))]
    assert weak == [False, True, True, True, False, True]


# Source: the results of JAX 0.10, 64-bit types off.
@pytest.mark.parametrize(
    ("args", "expected", "weak"),
    [
        (("int8", "uint8"), "int16", False),
        (("int32", "uint32"), "int32", False),
        (("int32", "float16"), "float16", False),
        (("bfloat16", "float16"), "float32", False),
        (("bool", "int8"), "int8", False),
        (("float32", "complex64"), "complex64", False),
        (("int8", 1), "int8", False),
        (("int8", 1.0), "float32", True),
        (("bfloat16", 1.0), "bfloat16", False),
        (("float16", 1j), "complex64", False),
        (("int32", 1j), "complex64", True),
        (("bool", 1), "int32", True),
        (("float8_e5m2", 1.0), "float8_e5m2", False),
        (("int4", 1), "int4", False),
        ((1, 2.0), "float32", True),
        ((True,), "bool", False),
        ((1,), "int32", True),
        ((float, "float16"), "float16", False),
        ((None, "int32"), "float32", False),
        ((np.float64, 1), "float32", False),
        ((Value("int16", True), Value("int8", True)), "int32", True),
        ((Value("int16", True), "int8"), "int8", False),
        ((Value("float64"), Value("float64")), "float64", False),
        ((Value("float64"), Value("float32")), "float32", False),
    ],
)
def test_result_type(args, expected, weak):
    assert dtypes.result_type(*args, return_weak=True) == (np.dtype(expected), weak)
    assert dtypes.result_type(*args[::-1]) == np.dtype(expected)


def test_result_type_follows_x64():
    assert dtypes.result_type("int64", 1.0) == np.float32
    with config.enable_x64(True):
        assert dtypes.result_type("int64", 1.0) == np.float64
        assert dtypes.result_type("uint32", "int32") == np.int64


def test_promote_is_associative_and_commutative():
    pairs = [(dtype, False) for dtype in dtypes.ALL if dtypes.itemsize_bits(dtype) >= 16]
    pairs += [(np.dtype("int32"), True), (np.dtype("float32"), True), (np.dtype(bool), False)]
    with config.enable_x64(True):
        for a in pairs:
            for b in pairs:
                ab = dtypes.promote2(*a, *b)
                assert ab == dtypes.promote2(*b, *a)
                assert dtypes.promote_many((a, b)) == ab
                assert dtypes.promote2(*ab, *b) == ab


def test_promote_types_keeps_64_bit():
    assert dtypes.promote_types("int8", "int64") == np.int64
    assert dtypes.promote_types("int32", "uint32") == np.int32
    assert dtypes.promote_types("int32", float) == np.float64
    assert dtypes.promote_types("float16", float) == np.float16
    assert dtypes.promote_types(KEY, KEY) is KEY


def test_promotion_errors():
    with pytest.raises(ValueError, match="float32, float8_e5m2: floats of 8 bits or fewer"):
        dtypes.promote_types("float8_e5m2", "float32")
    with pytest.raises(dtypes.TypePromotionError, match="int4, int8: integers of 4 bits or fewer"):
        dtypes.promote_types("int4", "int8")
    with pytest.raises(TypeError, match="key<fry> goes with no other dtype"):
        dtypes.promote2(KEY, False, np.dtype("float32"), False)
    with pytest.raises(ValueError, match="at least one"):
        dtypes.result_type()


def test_strict_promotion():
    with config.numpy_dtype_promotion("strict"):
        assert dtypes.result_type("bfloat16", 1, 2.0) == dtypes.bfloat16
        assert dtypes.result_type(1, 2.0) == np.float32
        assert dtypes.promote_types(int, "float16") == np.float16
        for args in (("int32", "float32"), ("int32", 1.0), ("bool", 1)):
            with pytest.raises(dtypes.TypePromotionError, match="strict"):
                dtypes.result_type(*args)
    assert dtypes.result_type("int32", "float32") == np.float32


def test_conversions():
    assert dtypes.to_numeric_dtype("bool") == np.int32
    assert dtypes.to_inexact_dtype("int8") == np.float32
    assert dtypes.to_inexact_dtype("bfloat16") == dtypes.bfloat16
    assert dtypes.to_complex_dtype("float16") == np.complex64
    assert dtypes.to_floating_dtype("complex64") == np.float32
    assert dtypes.jax_dtype(float) == np.float32 and dtypes.jax_dtype("float64") == np.float64
    with config.enable_x64(True):
        assert dtypes.to_inexact_dtype("int64") == np.float64
        assert dtypes.to_complex_dtype("uint64") == np.complex128
        assert dtypes.default_dtype("i") == np.int64


def test_limits():
    assert dtypes.finfo("bfloat16").eps == 2**-7
    assert dtypes.finfo("complex64").dtype == np.float32
    assert dtypes.finfo(np.float64).bits == 64
    assert dtypes.finfo(np.ones(2, np.float16)).max == 65504
    assert (dtypes.iinfo("int4").min, dtypes.iinfo(np.uint8).max) == (-8, 255)
    with pytest.raises(ValueError, match="finfo: expected a float"):
        dtypes.finfo("int32")
    with pytest.raises(ValueError, match="iinfo: expected an integer"):
        dtypes.iinfo("bool")


def test_itemsize_bits():
    bits = {dtypes.itemsize_bits(np.dtype(name)): name for name in ("int4", "float8_e5m2", "int32")}
    assert bits == {4: "int4", 8: "float8_e5m2", 32: "int32"}
    assert dtypes.itemsize_bits(KEY) == 64
