"""The programs of programs.ll, as executables."""

from functools import cache
from pathlib import Path
from time import perf_counter

import llvmlite.binding as llvm
import numpy as np

from gradax import native
from gradax.core.aval import Aval

F32 = Aval((), np.float32)
I64 = Aval((), np.int64)
V3 = Aval((3,), np.float32)


@cache
def library():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for name, address in native.symbols().items():
        llvm.add_symbol(name, address)
    machine = llvm.Target.from_default_triple().create_target_machine(opt=1, reloc="pic")
    text = Path(__file__).with_name("programs.ll").read_text()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    engine.finalize_object()
    return engine


def program(name, ins=(F32,), outs=(F32,), cost_ns=0.0, **options):
    entry = library().get_function_address(name)
    return native.Executable(native.Code(entry), ins, outs, cost_ns=cost_ns, **options)


def array(value, aval=F32):
    return native.Array.from_numpy(np.full(aval.shape, value, aval.dtype), aval)


def value(x):
    return native.array_view(x).tolist()


def slow(milliseconds, name="slow_add_one", cost_ns=1e9, **options):
    """A program that takes about `milliseconds`, and its second argument, which says so."""
    rounds = int(milliseconds * rounds_per_millisecond())
    return program(name, (F32, I64), cost_ns=cost_ns, **options), array(rounds, I64)


@cache
def rounds_per_millisecond():
    timed, args = program("slow_add_one", (F32, I64)), [array(0), array(1_000_000, I64)]
    times = []
    for _ in range(5):
        begin = perf_counter()
        timed.execute(args)
        times.append(perf_counter() - begin)
    return 1_000_000 / (min(times) * 1e3)


class Jitted:
    """A JitFunction that forwards its leaves unchanged, and what it was asked to compile."""

    def __init__(self, fun=lambda *a, **k: None, **options):
        self.misses, self.slow_calls = [], []
        self.call = native.JitFunction(fun, self.compile, self.slow, **options)

    def compile(self, args, kwargs):
        self.misses.append((args, kwargs))
        leaves, tree = native.tree_flatten((args, kwargs), None)
        routes = [~i for i in range(len(leaves))]
        return program("nothing", (), ()), tree, (), None, None, routes

    def slow(self, args, kwargs):
        self.slow_calls.append((args, kwargs))
        return "slow"


def compiled(name, n, tree=0, **options):
    run = program(name, (F32,) * n, **options)
    return lambda args, kwargs: (run, native.tree_structure(tree), None, None, None)


def never(args, kwargs):
    raise AssertionError((args, kwargs))
