"""The number of threads: how it is chosen, and that results have the same bits with any."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax, native

RNG = np.random.default_rng(7)
ROWS = RNG.standard_normal((501, 1003)).astype(np.float32)
LONG = RNG.standard_normal(300_001).astype(np.float32)
IMAGES = RNG.standard_normal((3, 33, 35, 7)).astype(np.float32)
FILTERS = RNG.standard_normal((3, 3, 7, 19)).astype(np.float32)
SQUARES = RNG.standard_normal((3, 160, 160)).astype(np.float32)
POSITIVE = SQUARES @ SQUARES.transpose(0, 2, 1) + 100 * np.eye(160, dtype=np.float32)
KEY = jax.random.key(0)


def matrices(*shape_pairs, dtype=np.float32):
    found = []
    for shape in shape_pairs:
        x = RNG.standard_normal(shape)
        found.append(x + 1j * RNG.standard_normal(shape) if dtype == np.complex64 else x)
    return tuple(x.astype(dtype) for x in found)


def convolve(x, w, **options):
    return lax.conv_general_dilated(
        x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), **options
    )


def loss(ws, x):
    for w in ws:
        x = jnp.tanh(x @ w)
    return jnp.mean(jax.nn.logsumexp(x, axis=1))


def pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")


def product_of(*shapes, dtype=np.float32):
    return jnp.matmul, matrices(*shapes, dtype=dtype)


PROGRAMS = {
    "elementwise": (lambda x: jnp.sin(x) * jnp.exp(-x * x) + jnp.log1p(abs(x)), (LONG,)),
    "sums": (lambda x: (x.sum(), x.sum(0), x.sum(1), x.mean(), x.var(1), x.std(0)), (ROWS,)),
    "long sums": (lambda x: (x.sum(), (x * x).sum(), jnp.linalg.norm(x), x.prod()), (LONG,)),
    "extremes": (lambda x: (x.max(), x.min(0), x.argmax(1), x.argmin(), jnp.ptp(x, 0)), (ROWS,)),
    "softmax": (lambda x: (jax.nn.softmax(x), jax.nn.softmax(x, axis=0)), (ROWS,)),
    "scans": (lambda x: (jnp.cumsum(x), jnp.cumsum(x, 0), lax.cummax(x, axis=1)), (ROWS,)),
    "long scans": (lambda x: (jnp.cumsum(x), jnp.cumprod(x), lax.cumlogsumexp(x)), (LONG,)),
    "transposition": (lambda x: x.T + 1, (ROWS,)),
    "products": product_of((257, 300), (300, 131)),
    "products with odd edges": product_of((1025, 999), (999, 33)),
    "tall products": product_of((4097, 250), (250, 17)),
    "wide products": product_of((17, 250), (250, 4097)),
    "long products": product_of((33, 20_000), (20_000, 31)),
    "batches of long products": product_of((7, 33, 20_000), (7, 20_000, 31)),
    "batches of products": product_of((9, 65, 127), (9, 127, 66)),
    "matrix by vector": product_of((3001, 701), (701,)),
    "vector by matrix": product_of((701,), (701, 3001)),
    "dot": product_of((1_000_003,), (1_000_003,)),
    "double products": product_of((257, 300), (300, 131), dtype=np.float64),
    "complex products": product_of((130, 413), (413, 117), dtype=np.complex64),
    "complex matrix by vector": product_of((3001, 301), (301,), dtype=np.complex64),
    "integer products": (lambda x: x @ x.T, (RNG.integers(-9, 9, (201, 203)),)),
    "short products": (lambda x: x @ x.T, (ROWS.astype(np.float16),)),
    "convolutions": (convolve, (IMAGES, FILTERS)),
    "gradients of convolutions": (
        jax.grad(lambda x, w: (convolve(x, w) ** 2).sum(), (0, 1)),
        (IMAGES, FILTERS),
    ),
    "grouped convolutions": (
        lambda x, w: convolve(x, w, feature_group_count=7),
        (IMAGES, RNG.standard_normal((3, 3, 1, 21)).astype(np.float32)),
    ),
    "large filters": (
        lambda x, w: convolve(x, w),
        (IMAGES, RNG.standard_normal((15, 17, 7, 5)).astype(np.float32)),
    ),
    "sorting": (lambda x: (jnp.sort(x), jnp.argsort(x), jnp.median(x)), (LONG,)),
    "sorting rows": (lambda x: (jnp.sort(x), jnp.sort(x, 0), lax.top_k(x, 5)), (ROWS,)),
    "top": (lambda x: lax.top_k(x, 100), (np.round(LONG, 2),)),
    "searching": (lambda x: jnp.searchsorted(jnp.sort(x), x), (LONG[:20_001],)),
    "transforms": (lambda x: (jnp.fft.fft(x[:65536]), jnp.fft.rfft(x)), (LONG,)),
    "transforms of rows": (lambda x: (jnp.fft.fft(x), jnp.fft.fft(x, axis=0)), (ROWS,)),
    "few transforms": (lambda x: jnp.fft.fft(x.reshape(3, 4, -1)), (LONG[: 12 * 8192],)),
    "factors": (jnp.linalg.cholesky, (POSITIVE,)),
    "orthogonal factors": (jnp.linalg.qr, (SQUARES,)),
    "solutions": (lambda a, b: jnp.linalg.solve(a, b), (POSITIVE, SQUARES)),
    "triangular solutions": (
        lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True, lower=True),
        (POSITIVE[0], RNG.standard_normal((160, 501)).astype(np.float32)),
    ),
    "triangular solutions from the right": (
        lambda a, b: lax.linalg.triangular_solve(a, b, left_side=False, lower=True),
        (POSITIVE[0], RNG.standard_normal((501, 160)).astype(np.float32)),
    ),
    "spectra": (jnp.linalg.eigh, (POSITIVE,)),
    "singular values": (lambda a: jnp.linalg.svd(a, full_matrices=False), (SQUARES,)),
    "determinants": (lambda a: (jnp.linalg.slogdet(a), jnp.linalg.inv(a)), (POSITIVE,)),
    "random numbers": (
        lambda key: (
            jax.random.normal(key, (100_001,)),
            jax.random.permutation(key, 10_001),
            jax.random.gamma(key, 2.0, (3001,)),
        ),
        (KEY,),
    ),
    "gathers and scatters": (
        lambda x, i: (x[i], jnp.zeros(1001).at[i % 1001].add(x[: i.size]), x.at[i].max(0.5)),
        (LONG, RNG.integers(0, 300_001, 50_003)),
    ),
    "segments": (
        lambda x, i: jax.ops.segment_sum(x, i, 37),
        (LONG, RNG.integers(0, 37, 300_001)),
    ),
    "windows": (pool, (IMAGES,)),
    "loops": (
        lambda x: lax.scan(lambda c, row: (c * 0.5 + row, c.sum()), jnp.zeros(1003), x),
        (ROWS,),
    ),
    "training": (
        jax.value_and_grad(loss),
        (matrices((1003, 256), (256, 200), (200, 10)), ROWS),
    ),
}


def bits(tree):
    return [(x.shape, x.dtype, x.tobytes()) for x in map(np.asarray, jax.tree.leaves(tree))]


@pytest.fixture
def process_number():
    yield
    jax.set_num_threads(None)


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_bits_with_any_number(name):
    function, args = PROGRAMS[name]
    with jax.enable_x64(args[0].dtype == np.float64 if hasattr(args[0], "dtype") else False):
        program = jax.jit(function)
        found = {}
        for n in (1, 2, 5):
            with jax.threads(n):
                found[n] = bits(program(*args))
    assert found[2] == found[1]
    assert found[5] == found[1]


def test_choosing(process_number):
    default = jax.num_threads()
    assert default == native.processors()[0]
    jax.set_num_threads(3)
    assert jax.num_threads() == 3
    with jax.threads(5):
        assert jax.num_threads() == 5
        with jax.threads(None):
            assert jax.num_threads() == default
        jax.set_num_threads(4)
        assert jax.num_threads() == 5
    assert jax.num_threads() == 4
    jax.config.update("num_threads", 2)
    assert jax.num_threads() == 2
    jax.set_num_threads(None)
    assert jax.num_threads() == default
    jax.set_num_threads(np.int32(1000))
    assert jax.num_threads() == 256


def test_a_with_holds_for_its_thread():
    seen = []
    with jax.threads(7):
        thread = threading.Thread(target=lambda: seen.append(jax.num_threads()))
        thread.start()
        thread.join()
    assert seen == [jax.num_threads()]
    assert jax.threads(7)(jax.num_threads)() == 7


@pytest.mark.parametrize(
    ("n", "error"), [(0, ValueError), (-2, ValueError), (1.0, TypeError), ("2", TypeError)]
)
def test_wrong_numbers(n, error):
    message = f"num_threads: expected int of at least 1 or None, got {n!r}"
    for choose in (jax.set_num_threads, jax.threads):
        with pytest.raises(error, match=message):
            choose(n)


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_environment():
    code = "import gradax; print(gradax.num_threads())"
    assert run(code, GRADAX_NUM_THREADS="3").stdout == "3\n"
    for wrong in ("0", "-1", "many", "1.5"):
        done = run(code, GRADAX_NUM_THREADS=wrong)
        assert f"GRADAX_NUM_THREADS: expected int of at least 1 or None, got {wrong!r}" in (
            done.stderr.replace(f"got {wrong}\n", f"got {wrong!r}\n")
        )


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_affinity():
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "import gradax; print(gradax.num_threads())"
    )
    assert run(code).stdout == "1\n"


def group(root, path, **files):
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_control_groups(tmp_path):
    read = native.read_grants
    assert read(str(tmp_path), "0::/\n") == (0, 0, 0)
    group(tmp_path, "two", cpu__max="max 100000\n", memory__max="max\n")
    assert read(str(tmp_path / "two"), "0::/\n") == (0, 0, 0)
    # The least of a group and those above it.
    group(tmp_path, "two/a", cpu__max="150000 100000\n", memory__max="5000000\n")
    (tmp_path / "two/a/memory.current").write_text("3000000\n")
    (tmp_path / "two/a/memory.stat").write_text("anon 7\ninactive_file 1000000\n")
    group(tmp_path, "two/a/b", cpu__max="400000 100000\n", memory__max="9000000\n")
    assert read(str(tmp_path / "two"), "0::/a/b\n") == (1.5, 5000000, 2000000)
    # In a container the path is the host's, and only the top is there.
    assert read(str(tmp_path / "two/a"), "0::/docker/1234\n") == (1.5, 5000000, 2000000)


def test_control_groups_of_version_1(tmp_path):
    quota = {"cpu__cfs_quota_us": "250000\n", "cpu__cfs_period_us": "100000\n"}
    group(tmp_path, "cpu,cpuacct/box", **quota)
    group(tmp_path, "memory", memory__limit_in_bytes="9223372036854771712\n")
    group(tmp_path, "memory/box", memory__limit_in_bytes="7000000\n")
    (tmp_path / "memory/box/memory.usage_in_bytes").write_text("6000000\n")
    (tmp_path / "memory/box/memory.stat").write_text("cache 5\ntotal_inactive_file 2000000\n")
    membership = "4:memory:/box\n2:cpu,cpuacct:/box\n1:name=systemd:/box\n"
    assert native.read_grants(str(tmp_path), membership) == (2.5, 7000000, 4000000)
    group(tmp_path, "cpu", cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n")
    assert native.read_grants(str(tmp_path), "")[0] == 0


def test_changes_while_calls_are_in_flight(process_number):
    program = jax.jit(lambda x: jnp.sort(jnp.sin(x @ x.T).ravel())[::1000] + x.sum())
    expected = bits(program(ROWS[:, :256]))
    stop, wrong = threading.Event(), []

    def work():
        while not stop.is_set():
            if bits(program(ROWS[:, :256])) != expected:
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for i in range(300):
        jax.set_num_threads(1 + i % 6)
        with jax.threads(1 + i % 4):
            program(ROWS[:, :256])
    stop.set()
    for worker in workers:
        worker.join()
    assert not wrong
