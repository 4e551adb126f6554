"""Run a tutorial's code blocks as a notebook would, with gradax in the place of JAX."""

import ast
import contextlib
import io
import re
import statistics
import time
from pathlib import Path
from typing import Any


class Notebook:
    """Run blocks one after another in one namespace.

    A block is source text as the document has it, outputs taken out: `import jax` means gradax,
    and `%timeit` measures. `values` holds the value of each expression statement of the last block.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "notebook", "_timeit": timeit}
        self.values: list[Any] = []
        self.n_blocks = 0

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def run(self, block: str) -> str:
        """Run `block` and return what it prints."""
        self.n_blocks += 1
        self.values = []
        self.names["_show"] = self.values.append
        path = self.folder / f"block_{self.n_blocks}.py"
        path.write_text(translate(block))
        tree = ast.parse(path.read_text())
        tree.body = [show(statement) for statement in tree.body]
        code = compile(ast.fix_missing_locations(tree), str(path), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, self.names)
        return printed.getvalue()


def translate(block: str) -> str:
    """Write gradax for jax in the import lines, and `%timeit X` as a call."""
    block = re.sub(r"^import jax$", "import gradax as jax", block, flags=re.M)
    block = re.sub(r"^import jax\.", "import gradax.", block, flags=re.M)
    block = re.sub(r"^from jax import", "from gradax import", block, flags=re.M)
    return re.sub(r"^%timeit (.*)$", r"_timeit(lambda: \1)", block, flags=re.M)


def show(statement: ast.stmt) -> ast.stmt:
    """Make an expression statement keep its value, as a notebook cell does."""
    if not isinstance(statement, ast.Expr):
        return statement
    call = ast.Call(ast.Name("_show", ast.Load()), [statement.value], [])
    return ast.copy_location(ast.Expr(ast.copy_location(call, statement)), statement)


def timeit(function: Any) -> None:
    """Print the time of `function` the way `%timeit` does."""
    times = []
    for _ in range(7):
        began = time.perf_counter()
        function()
        times.append((time.perf_counter() - began) * 1e6)
    mean, deviation = statistics.mean(times), statistics.stdev(times)
    print(f"{mean:.3g} µs ± {deviation:.3g} µs per loop (mean ± std. dev. of 7 runs, 1 loop each)")
