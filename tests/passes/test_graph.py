"""What the passes over graphs promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradax import lax
from gradax.compiler.graph.build import build_graph
from gradax.compiler.graph.contract import contract_products
from gradax.compiler.graph.fuse import fuse_maps
from gradax.compiler.graph.ir import Graph, bodies_of, loads_of, topological
from gradax.compiler.graph.text import format_graph
from gradax.compiler.graph.views import indices_through_view
from gradax.kernel import Map, View
from gradax.records import replace

from .levels import SPLIT, Array, compiled, program_of
from .programs import Generator

F32 = np.float32
X = np.arange(1, 13, dtype=F32).reshape(3, 4) / F32(7)


def graph_of(fun: Callable[..., Any], *inputs: Array) -> Graph:
    """Return a function's graph, fused."""
    return fuse_maps(build_graph(program_of(lambda *xs: [fun(*xs)], *inputs), SPLIT))


@pytest.mark.parametrize("seed", range(40))
def test_fused_graphs(seed: int) -> None:
    """No map is loaded through a view that division-free indices see through; no two are equal."""
    g = Generator(seed)
    inputs = g.inputs(3)
    graph = fuse_maps(build_graph(program_of(lambda *xs: g.run(xs, 8, 5), *inputs), SPLIT))
    items = topological(graph.outputs)
    for node in (n for item in items for n in loads_of(bodies_of(item))):
        if isinstance(node.source, View):
            assert indices_through_view(node.source, node.indices) is None
    maps = [(item.shape, item.body) for item in items if isinstance(item, Map)]
    assert len(set(maps)) == len(maps)


def test_chain_is_one_map() -> None:
    graph = graph_of(lambda x: lax.neg(lax.mul(lax.add(x, x), x)), X)
    assert format_graph(graph).splitlines()[1:] == [
        "t0: f32[3,4] = input 0",
        "  s0 = t0[i, j]",
        "t1: f32[3,4] = map neg((s0 + s0) * s0)",
        "return t1",
    ]


def test_reads_through_pad_are_guarded() -> None:
    """Outside the padded array the body must not show: f(0) is not 0."""

    def run(x: Any) -> Any:
        wide = lax.pad(lax.add(lax.mul(x, x), F32(1)), F32(0), ((1, 1, 0), (0, 2, 1)))
        return lax.reduce_sum(wide, (0,))

    (out,) = compiled(program_of(lambda x: [run(x)], X), [X], SPLIT)
    wide = np.zeros(9, F32)
    wide[: 2 * 4 : 2] = (X * X + 1).sum(0)
    np.testing.assert_allclose(out, wide[:9], 1e-6)


PRODUCTS: dict[str, tuple[Callable[..., Any], str]] = {
    "sum": (lambda x: lax.add(lax.mul(x, x), lax.neg(x)), "map fma(s0, s0, neg(s0))"),
    "difference": (lambda x: lax.sub(lax.mul(x, x), x), "map fma(s0, s0, neg(s0))"),
    "subtracted": (lambda x: lax.sub(x, lax.mul(x, x)), "map fma(neg(s0), s0, s0)"),
    "used twice": (
        lambda x: lax.max(lax.add(lax.mul(x, x), x), lax.mul(x, x)), "map max(s1 + s0, s1)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_are_contracted(name: str) -> None:
    fun, expected = PRODUCTS[name]
    assert expected in format_graph(contract_products(graph_of(fun, X)))


@pytest.mark.parametrize("dtype", ["int32", "bfloat16", "complex64"])
def test_other_products_are_not(dtype: str) -> None:
    fun = lambda x: lax.add(lax.mul(x, x), x)
    program = lambda x: fun(lax.convert_element_type(x, dtype))
    assert "fma" not in format_graph(contract_products(graph_of(program, X)))


def test_contraction_rounds_once() -> None:
    """x*y - z is exact where x*y is not; without the option it is rounded twice."""
    x, z = np.full(20, 1 + 2.0**-12, F32), np.full(20, 1 + 2.0**-11, F32)
    program = program_of(lambda x, z: [lax.sub(lax.mul(x, x), z)], x, z)
    (once,) = compiled(program, [x, z], SPLIT)
    (twice,) = compiled(program, [x, z], replace(SPLIT, contract=False))
    assert once[0] == 2.0**-24 and twice[0] == 0.0
