"""How a computation in PyTorch becomes a workload: as it is, or compiled by torch.compile.

Users compile what computes, and differentiate that by `autograd`; so it is done here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from .plain import Trees

Compile = Callable[[Callable[..., Any]], Callable[..., Any]]
RATE = 0.1


class Entry(NamedTuple):
    """`build(compile)` returns the function that is called; `compiles`: worth compiling."""

    build: Callable[[Compile], Callable[..., Any]]
    compiles: bool


TABLE: dict[str, Entry] = {}


def enter(table: dict[str, Callable[..., Any]], compiles: bool) -> None:
    """Enter functions of tensors by the names of their workloads."""
    for name, function in table.items():
        TABLE[name] = Entry(lambda compile, f=function: compile(f), compiles)


def peer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function of tensors under its own name, to be compiled as a whole."""
    enter({function.__name__: function}, compiles=True)
    return function


def eager_peer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function that compiling as a whole would unroll or leave as it is."""
    enter({function.__name__: function}, compiles=False)
    return function


def stepwise(build: Callable[[Compile], Callable[..., Any]]) -> Callable[..., Any]:
    """Enter a function that compiles one step of its own loop."""
    TABLE[build.__name__] = Entry(build, True)
    return build


def gradient(n_first: int = 1, compiles: bool = True) -> Callable[[Any], Any]:
    """Enter the gradient of the decorated loss to its first arguments."""

    def decorate(loss: Callable[..., Any]) -> Callable[..., Any]:
        def build(compile: Compile) -> Callable[..., Any]:
            compiled = compile(loss)

            def f(*args: Any) -> Any:
                leaves = watched(args[:n_first])
                return torch.autograd.grad(compiled(*args), leaves)

            return f

        TABLE[loss.__name__] = Entry(build, compiles)
        return loss

    return decorate


def training(loss: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a step of gradient descent on the decorated loss of (parameters, …)."""

    def build(compile: Compile) -> Callable[..., Any]:
        compiled = compile(loss)

        def step(params: Any, *data: Any) -> Any:
            leaves = watched(params)
            value = compiled(params, *data)
            grads = torch.autograd.grad(value, leaves)
            with torch.no_grad():
                return torch._foreach_add(leaves, grads, alpha=-RATE), value

        return step

    TABLE[loss.__name__] = Entry(build, True)
    return loss


def watched(tree: Any) -> list[torch.Tensor]:
    """Return the leaves, which gradients are now kept of."""
    leaves = Trees.leaves(tree)
    for leaf in leaves:
        leaf.requires_grad_()
    return leaves
