"""Keys, typed and raw: in trees, loops and transformations, printed, indexed; what is no key."""

import pickle

import numpy as np
import pytest

import gradax as jax
from gradax import lax, random
from gradax.random import distributions

KEY = random.key(21)
KEYS = random.split(KEY, 4)


def data(keys):
    return np.asarray(random.key_data(keys)).tolist()


def test_printing():
    assert repr(KEY) == "Array((), dtype=key<fry>) overlaying:\n[ 0 21]"
    assert str(random.PRNGKey(21)) == "[ 0 21]"


def test_attributes():
    assert (KEYS.shape, KEYS.ndim, KEYS.size, len(KEYS)) == ((4,), 1, 4, 4)
    assert str(KEYS.dtype) == "key<fry>"
    assert jax.dtypes.issubdtype(KEYS.dtype, jax.dtypes.prng_key)
    assert random.key_impl(KEYS) == "threefry2x32"
    assert random.key_dtype() is KEYS.dtype


def test_raw_and_typed_keys_draw_the_same():
    raw = random.PRNGKey(21)
    np.testing.assert_array_equal(random.normal(raw, (5,)), random.normal(KEY, (5,)))
    assert random.split(raw).tolist() == data(random.split(KEY))
    assert random.fold_in(raw, 3).tolist() == data(random.fold_in(KEY, 3))
    assert data(random.wrap_key_data(raw)) == raw.tolist()


def test_indexing():
    everything = data(KEYS)
    assert data(KEYS[1]) == everything[1]
    assert data(KEYS[1:3]) == everything[1:3]
    assert data(KEYS[::-2]) == everything[::-2]
    assert data(KEYS[np.array([2, 0])]) == [everything[2], everything[0]]
    assert data(KEYS.reshape(2, 2)[1, 0]) == everything[2]
    assert [data(k) for k in KEYS] == everything
    assert (KEYS[1] == KEYS).tolist() == [False, True, False, False]


def test_joining_and_choosing():
    assert data(jax.numpy.stack([KEY, KEY])) == [[0, 21], [0, 21]]
    assert jax.numpy.concatenate([KEYS, KEYS]).shape == (8,)
    chosen = jax.numpy.where(np.array([True, False, True, False]), KEYS, KEY)
    assert data(chosen) == [data(KEYS)[0], [0, 21], data(KEYS)[2], [0, 21]]


def test_vmap_over_keys():
    each = [random.normal(k, (3,)) for k in KEYS]
    np.testing.assert_array_equal(jax.vmap(lambda k: random.normal(k, (3,)))(KEYS), each)
    raw = random.key_data(KEYS)
    np.testing.assert_array_equal(jax.vmap(lambda k: random.normal(k, (3,)))(raw), each)


@pytest.mark.parametrize(
    "draw",
    [
        lambda k: random.permutation(k, 7),
        lambda k: random.randint(k, (4,), 0, 9),
        lambda k: random.gamma(k, np.float32([0.5, 2.0])),
        lambda k: random.bits(k, (5,), "uint8"),
        lambda k: random.choice(k, 5, (2,), replace=False),
        lambda k: random.key_data(random.split(k, 3)),
        lambda k: random.categorical(k, np.zeros(4, np.float32)),
    ],
)
def test_vmap_is_a_loop(draw):
    np.testing.assert_array_equal(jax.vmap(draw)(KEYS), [draw(k) for k in KEYS])
    np.testing.assert_array_equal(jax.jit(jax.vmap(draw))(KEYS), [draw(k) for k in KEYS])


def test_vmap_over_seeds_and_numbers():
    assert data(jax.vmap(random.key)(np.arange(3))) == [[0, 0], [0, 1], [0, 2]]
    numbers = np.arange(4, dtype=np.uint32)
    each = [data(random.fold_in(KEY, int(n))) for n in numbers]
    assert data(jax.vmap(lambda n: random.fold_in(KEY, n))(numbers)) == each
    each = [data(random.fold_in(k, int(n))) for k, n in zip(KEYS, numbers, strict=True)]
    assert data(jax.vmap(random.fold_in)(KEYS, numbers)) == each


def test_vmap_over_bounds():
    low = np.arange(4, dtype=np.float32)
    found = jax.vmap(lambda k, a: random.uniform(k, (2,), minval=a, maxval=a + 1))(KEYS, low)
    each = [random.uniform(k, (2,), minval=a, maxval=a + 1) for k, a in zip(KEYS, low, strict=True)]
    np.testing.assert_array_equal(found, each)


def test_loop_carries():
    def step(key, x):
        key, own = random.split(key)
        return key, random.normal(own) + x

    last, found = lax.scan(step, KEY, np.zeros(3, np.float32))
    key, expected = KEY, []
    for _ in range(3):
        key, own = random.split(key)
        expected.append(random.normal(own))
    np.testing.assert_array_equal(found, expected)
    assert data(last) == data(key)
    looped = lax.fori_loop(0, 3, lambda i, k: random.split(k)[0], KEY)
    assert data(looped) == data(key)


def test_scan_over_keys_and_cond():
    found = lax.scan(lambda c, k: (c, random.uniform(k)), 0.0, KEYS)[1]
    np.testing.assert_array_equal(found, [random.uniform(k) for k in KEYS])
    chosen = lax.cond(True, lambda k: random.fold_in(k, 1), lambda k: k, KEY)
    assert data(chosen) == data(random.fold_in(KEY, 1))


def test_keys_in_trees():
    tree = {"a": KEY, "b": [KEYS, 1.0]}
    assert jax.tree.map(lambda x: getattr(x, "shape", None), tree) == {"a": (), "b": [(4,), None]}
    out = jax.jit(lambda t: {"a": t["b"][0][1], "n": random.normal(t["a"])})(tree)
    assert data(out["a"]) == data(KEYS[1])


def test_gradients_pass_through_parameters():
    n = np.asarray(random.normal(KEY, (3,)))
    grad = jax.grad(lambda s: (random.normal(KEY, (3,)) * s).sum())(2.0)
    np.testing.assert_allclose(grad, n.sum(), rtol=1e-6)
    u = np.asarray(random.uniform(KEY, (3,)))
    grad = jax.grad(lambda a: random.uniform(KEY, (3,), minval=a, maxval=2.0).sum())(0.5)
    np.testing.assert_allclose(grad, (1 - u).sum(), rtol=1e-6)
    value, grads = jax.value_and_grad(lambda x, k: x * random.uniform(k))(3.0, KEY)
    np.testing.assert_allclose(value, 3 * grads, rtol=1e-6)


@pytest.mark.parametrize("log_space", [False, True])
def test_gamma_differentiates_implicitly(log_space):
    special = pytest.importorskip("scipy.special")
    draw = random.loggamma if log_space else random.gamma
    with jax.enable_x64(True):
        for a in (0.3, 1.7, 8.0):
            x, slope = jax.value_and_grad(lambda a: draw(KEY, a, dtype="float64"))(a)
            x = np.exp(x) if log_space else np.asarray(x)
            h = 1e-5 * a
            by_a = (special.gammainc(a + h, x) - special.gammainc(a - h, x)) / (2 * h)
            density = np.exp((a - 1) * np.log(x) - x - special.gammaln(a))
            expected = -by_a / density / (x if log_space else 1)
            np.testing.assert_allclose(slope, expected, rtol=1e-5)


def test_nothing_is_recompiled_for_another_key():
    random.normal(KEY, (6,))
    before = distributions._normal._cache_size()
    random.normal(random.key(5), (6,))
    assert distributions._normal._cache_size() == before


def test_seeds():
    assert random.PRNGKey(-1).tolist() == [0, 2**32 - 1]
    assert random.PRNGKey(2**40 + 5).tolist() == [0, 5]
    assert random.PRNGKey(np.uint8(200)).tolist() == [0, 200]
    with jax.enable_x64(True):
        assert random.PRNGKey(2**40 + 5).tolist() == [2**8, 5]
        assert random.PRNGKey(-1).tolist() == [2**32 - 1, 2**32 - 1]
        assert jax.jit(random.PRNGKey)(2**40 + 5).tolist() == [2**8, 5]
    assert jax.jit(random.PRNGKey)(7).tolist() == [0, 7]


def test_pickling():
    copy = pickle.loads(pickle.dumps(KEYS))
    assert copy.dtype is KEYS.dtype
    assert data(copy) == data(KEYS)


WRONG_KEYS = [1.0, np.float32(1), np.nan, None, "key", 7, np.zeros(3, np.uint32), np.zeros((2,))]


@pytest.mark.parametrize("wrong", WRONG_KEYS)
@pytest.mark.parametrize(
    "use", [random.split, random.normal, random.key_data, lambda k: random.fold_in(k, 1)]
)
def test_what_is_no_key(use, wrong):
    with pytest.raises(TypeError, match="expected a random key; got"):
        use(wrong)


def test_arrays_of_keys_are_refused_where_one_is_wanted():
    with pytest.raises(ValueError, match=r"array of keys of shape \(4,\)[^$]*vmap"):
        random.normal(KEYS)
    with pytest.raises(ValueError, match="Map over keys with vmap"):
        random.uniform(random.key_data(KEYS))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random.key(1.5), TypeError, "a seed is an integer; got f32"),
        (lambda: random.key(np.nan), TypeError, "a seed is an integer"),
        (lambda: random.key("a"), TypeError, "a seed is an integer; got str"),
        (lambda: random.key(np.arange(2)), ValueError, r"a seed is one integer; got shape \(2,\)"),
        (lambda: random.key(2**63), OverflowError, "64 bits"),
        (lambda: random.key(0, impl="mersenne"), ValueError, "implementation must be one of"),
        (lambda: random.fold_in(KEY, 1.5), TypeError, "data is an integer; got f32"),
        (lambda: random.fold_in(KEY, "x"), TypeError, "data is an integer; got str"),
        (lambda: random.fold_in(KEY, np.arange(2)), ValueError, "data is one integer"),
        (lambda: random.split(KEY, -1), ValueError, "sizes must not be negative"),
        (lambda: random.split(KEY, "a"), TypeError, "a sequence of integers; got 'a'"),
        (lambda: random.wrap_key_data(KEY), TypeError, "typed already"),
        (lambda: random.wrap_key_data(np.zeros(3, np.uint32)), TypeError, "last axis of 2"),
        (lambda: KEY + 1, TypeError, "key<fry>"),
        (lambda: np.asarray(KEY), TypeError, "key_data"),
        (lambda: jax.grad(lambda k: random.normal(k))(KEY), TypeError, "key<fry>"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
