"""The example prints what it promises, and so does the page about it."""

import re
import runpy
from pathlib import Path

import gradax as jax

ROOT = Path(__file__).resolve().parents[2]


def test_example(capsys):
    runpy.run_path(str(ROOT / "examples" / "beyond" / "autograph.py"), run_name="__main__")
    printed = capsys.readouterr().out
    for line in (
        "collatz(27): 111",
        "collatz(1..10): [ 0  1  7  2  5  8 16  3 19  6]",
        "root(2): 1.414214 after 4 steps",
        "derivative of root at 4: 0.250000",
        "marginal rates: [0.  0.2 0.3]",
        "clipped sums: 5.0 8.0",
    ):
        assert line in printed


def test_page(tmp_path: Path):
    page = (ROOT / "docs" / "beyond" / "autograph.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "page.py"
    file.write_text(source)
    root = runpy.run_path(str(file))["root"]
    value, step = root(2.0)
    assert (str(value), int(step)) == ("1.4142135", 4)
    assert str(jax.grad(lambda a: root(a)[0])(2.0)) == "0.35355338"
