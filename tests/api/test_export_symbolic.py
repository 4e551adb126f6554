"""Functions exported for any size: shapes with names in place of numbers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp
from gradax import export, lax
from gradax.errors import ArgumentError


def described(text: str, scope: Any = None, dtype: Any = np.float32) -> Any:
    return gradax.ShapeDtypeStruct(export.symbolic_shape(text, scope=scope), dtype)


def standardized(x: Any) -> Any:
    return (x - x.mean(0)) / (x.std(0) + 1e-3) * x.shape[0]


def rows(n: int, m: int = 3) -> np.ndarray[Any, Any]:
    return np.random.default_rng(n).standard_normal((n, m)).astype(np.float32)


def test_one_export_for_all_sizes():
    found = export.export(gradax.jit(standardized))(described("n, 3"))
    assert [str(a) for a in found.in_avals] == ["f32[n,3]"]
    assert [str(a) for a in found.out_avals] == ["f32[n,3]"]
    for n in (1, 2, 5, 40):
        np.testing.assert_allclose(found.call(rows(n)), standardized(rows(n)), 1e-5, 1e-5)


def test_names_are_shared_within_a_scope():
    scope = export.SymbolicScope()
    found = export.export(gradax.jit(lambda x, y: x @ y))(
        described("a, b", scope), described("b, 2*a", scope)
    )
    assert str(found.out_avals[0]) == "f32[a,2*a]"
    assert found.call(rows(2, 3), rows(3, 4)).shape == (2, 4)
    with pytest.raises(ArgumentError, match=r"axis 1 is not 2\*a; a = 2, b = 3"):
        found.call(rows(2, 3), rows(3, 5))
    with pytest.raises(ArgumentError, match=r"exported for f32\[a,b\] as input 0; got f32\[2\]"):
        found.call(np.ones(2, np.float32), rows(3, 4))


@pytest.mark.parametrize("n", [1, 2, 6])
def test_derivatives(n: int):
    found = export.export(gradax.jit(lambda x: (gnp.sin(x) ** 2).sum()))(described("n, 3"))
    np.testing.assert_allclose(
        gradax.grad(found.call)(rows(n)), gradax.grad(lambda x: (gnp.sin(x) ** 2).sum())(rows(n)),
        rtol=1e-5,
    )  # fmt: skip
    assert str(found.vjp().out_avals[0]) == "f32[n,3]"


def test_read_back_in_another_process(tmp_path: Any):
    def run(x: Any) -> Any:
        return lax.scan(lambda c, a: (c * 0.5 + a, c.sum()), gnp.zeros(x.shape[1]), x)

    found = export.export(gradax.jit(run))(described("time, width"))
    (tmp_path / "f").write_bytes(found.serialize(vjp_order=1))
    script = f"""
import numpy as np, gradax
from gradax import export
f = export.deserialize(open({str(tmp_path / "f")!r}, "rb").read())
print(f.in_avals[0])
for shape in ((3, 2), (5, 7)):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    print(float(f.call(x)[0].sum()))
    print(float(gradax.grad(lambda x: f.call(x)[0].sum())(x).sum()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    want = ["ShapedArray(float32[time,width])"]
    for shape in ((3, 2), (5, 7)):
        x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        want += [str(float(run(x)[0].sum()))]
        want += [str(float(gradax.grad(lambda x: run(x)[0].sum())(x).sum()))]
    assert done.stdout.split() in (want, ["f32[time,width]", *want[1:]])


def test_a_comparison_becomes_a_condition():
    found = export.export(gradax.jit(lambda x: x[:4] if x.shape[0] > 4 else x))(described("n"))
    assert found.call(np.ones(9, np.float32)).shape == (4,)
    with pytest.raises(ArgumentError, match=r"sizes where n >= 5; n = 3 is not such"):
        found.call(np.ones(3, np.float32))


def test_constraints():
    scope = export.SymbolicScope(["n >= 4", "mod(n, 2) == 0", "n <= 100"])
    (n,) = export.symbolic_shape("n", scope=scope)
    assert n >= 4 and n % 2 == 0 and n <= 100 and n > 3
    found = export.export(gradax.jit(lambda x: x.reshape(2, -1)))(
        gradax.ShapeDtypeStruct((n,), np.float32)
    )
    assert found.call(np.ones(10, np.float32)).shape == (2, 5)
    for wrong in (2, 5, 102):
        with pytest.raises(ArgumentError, match="exported for sizes where"):
            found.call(np.ones(wrong, np.float32))


def test_specs_of_arguments():
    args = (np.ones((3, 4)), {"k": np.ones(5, np.int32)})
    specs = export.symbolic_args_specs(args, ("a, _", {"k": "2*a"}))
    assert str(specs[0].shape) == "(a, 4)" and str(specs[1]["k"].shape) == "(2*a,)"
    assert specs[1]["k"].dtype == np.int32
    assert str(export.symbolic_args_specs(args[0], "b, ...").shape) == "(b, 4)"
    assert export.symbolic_args_specs(args[0], None).shape == (3, 4)


def test_shapes_as_text():
    a, _ = export.symbolic_shape("(a, b)")
    assert export.is_symbolic_dim(a) and not export.is_symbolic_dim(3)
    assert [str(n) for n in export.symbolic_shape("a*b - 2, floordiv(a, 2), mod(b, 3), 7")] == [
        "a*b - 2", "(a//2)", "(b%3)", "7",
    ]  # fmt: skip
    assert export.symbolic_shape("") == ()


@pytest.mark.parametrize("text", ["a,,b", "a+", "a b", "f(a)", "a.b", "_", "...", "1.5", "'x'"])
def test_what_is_no_shape(text: str):
    with pytest.raises(ArgumentError, match="is not understood"):
        export.symbolic_shape(text)


@pytest.mark.parametrize("text", ["a", "a > 3", "a == b == c", "3 >= 4", "a >= 'x'"])
def test_what_is_no_constraint(text: str):
    with pytest.raises(ArgumentError, match="is not understood"):
        export.SymbolicScope([text])
