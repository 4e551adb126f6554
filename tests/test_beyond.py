"""The examples of what goes beyond JAX do what their pages in docs/beyond say."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BEYOND = ROOT / "examples" / "beyond"
TRAPS = BEYOND / "traps"

# What each script prints at least, in this order.
PRINTED = {
    "autograph": ["collatz(27): 111", "root(2): 1.414214 after 4 steps"],
    "dynamic_dims": [
        "traced 1 time(s)", "traced 3 times for 10", "1.8333, share 0.8571", "1.8000, share 1.0000",
        "needs a fixed size, but a is not fixed: it depends on axis 0 of x",
    ],
    "lanes": ["costs less than a tenth: True", "large: 3", "large: 4", "[ 0 -1 -2  3  4]"],
    "reverse_while": [
        "derivative 0.42020, where theory says 0.42020", "10,000 steps: 40.0 MB kept",
        "the gradients:",
    ],
    "traps/bound_overflow": ["below: 1024.0", "strict: Python integer 1099511627776 does not fit"],
    "traps/branch_not_taken": ["silently: [ nan 0.25]", "mended: [0.   0.25]", "strict: where: "],
    "traps/integer_division": ["silently: ", "strict: div: integer division by zero"],
    "traps/integer_remainder": ["silently: ", "strict: rem: integer division by zero"],
    "traps/key_used_in_a_loop": ["silently: ", "strict: scan: its body consumes a key"],
    "traps/key_used_twice": ["silently: [0. 0.]", "strict: normal: a random key is consumed"],
    "traps/known_index": ["silently: 4.0", "strict: indexing: index 5 is out of bounds"],
    "traps/lost_precision": ["silently: 0.0", "strict: a NumPy array of dtype float64"],
    "traps/lost_update": ["silently: [0. 0. 0. 0.]", "strict: indexing: index 4 is out of bounds"],
    "traps/moved_window": ["silently: [2. 3. 4.]", "strict: dynamic_slice: index 3 is out of"],
    "traps/no_retrace": ["a shape seen before: 0.0", "a new one: predict would be traced"],
    "traps/size_overflow": ["silently: [ 2147483647 -2147483648]", "strict: Python integer"],
    "traps/stale_attribute": ["scale 3, silently: 2.0", "strict: apply was compiled when 'scale'"],
    "traps/stale_global": ["0.5 ['StaleGlobalWarning']", "strict: step was compiled when"],
    "traps/traced_index": ["silently: 5.0", "strict: indexing: index 7 is out of bounds"],
    "traps/unlike_ranks": ["silently: ", "strict: Operands of div have unlike ranks"],
    "traps/why_recompiled": ["traced once", "the argument x is f32[7,3]", "params['b'] is f32[2]"],
}  # fmt: skip


@pytest.mark.parametrize("name", PRINTED)
def test_example(name, capsys):
    runpy.run_path(str(BEYOND / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    place = 0
    for text in PRINTED[name]:
        assert text in printed[place:], printed
        place = printed.index(text, place) + len(text)
    if "\nstrict: " in printed:
        line = re.compile(rf"at {re.escape(str(BEYOND / name))}\.py:\d+ \(")
        assert line.search(printed, printed.index("\nstrict: ")), printed


def test_every_example_is_run():
    found = {p.relative_to(BEYOND).with_suffix("").as_posix() for p in BEYOND.rglob("*.py")}
    assert found == set(PRINTED)


def test_every_trap_has_its_page():
    text = (ROOT / "docs" / "beyond" / "strict.md").read_text()
    text += (ROOT / "docs" / "beyond" / "recompiling.md").read_text()
    assert [p.name for p in TRAPS.glob("*.py") if f"traps/{p.name}" not in text] == []


def test_links_lead_somewhere():
    for page in (ROOT / "docs" / "beyond").glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
