"""Einstein sums: pairs of arrays at a time, in the order that opt_einsum finds.

Source: NumPy's einsum; `opt_einsum` is loaded when a sum of more than two arrays is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from string import ascii_letters
from typing import Any

from gradax import dtypes
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.comparison import Eq, SelectN
from gradax.lax.creation import Iota
from gradax.lax.dot import DotGeneral
from gradax.lax.precision import PrecisionLike, canonical_precision
from gradax.lax.shapes import ReduceSum, Squeeze, broadcast_scalar
from gradax.numpy.arithmetic import constant
from gradax.numpy.promotion import operand, promote_dtypes
from gradax.numpy.shaping import transposed
from gradax.sizes import likely

Labelled = tuple[Any, str]


def einsum(
    subscripts: Any,
    /,
    *operands: Any,
    out: None = None,
    optimize: Any = "auto",
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    _dot_general: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Sum products of arrays over labelled axes: einsum('ij,jk->ik', a, b).

    Errors: ValueError for subscripts that do not fit the arrays.
    """
    if out is not None:
        raise NotImplementedError("einsum: the 'out' argument is not supported")
    if not isinstance(subscripts, str):
        subscripts, operands = from_lists(subscripts, operands)
    arrays = [operand("einsum", x, i + 1) for i, x in enumerate(operands)]
    how = tuple(optimize) if isinstance(optimize, list) else optimize
    inputs, output, steps = planned(subscripts, tuple(x.shape for x in arrays), how)
    preferred = None
    if preferred_element_type is not None:
        preferred = dtypes.check_user_dtype(preferred_element_type, "einsum")
    arrays = promote_dtypes(*arrays)
    terms = [without_repeats(x, labels) for x, labels in zip(arrays, inputs, strict=True)]
    for step in steps:
        picked = [terms[i] for i in step]
        terms = [t for i, t in enumerate(terms) if i not in step]
        needed = {*output, *(c for _, labels in terms for c in labels)}
        terms.append(combined(picked, needed, output, precision, preferred))
    ((x, labels),) = terms
    return ordered_as(x, labels, output)


def combined(
    picked: list[Labelled], needed: set[str], output: str, precision: Any, preferred: Any
) -> Labelled:
    """Multiply one term or two, and sum over the labels that nothing else needs."""
    if len(picked) == 1:
        return summed(*picked[0], needed)
    first, second = picked
    first = summed(*first, needed | set(second[1]))
    second = summed(*second, needed | set(first[1]))
    return multiplied(first, second, needed, output, precision, preferred)


def multiplied(
    first: Labelled, second: Labelled, needed: set[str], output: str, precision: Any, preferred: Any
) -> Labelled:
    """Multiply two terms as one product, with the operands in the order that the result wants."""
    (x, a), (y, b) = without_ones(first, second)
    shared = [c for c in a if c in b]
    batch = [c for c in shared if c in needed]
    contracted = [c for c in shared if c not in needed]
    free_a = [c for c in a if c not in shared]
    free_b = [c for c in b if c not in shared]
    if "".join((*batch, *free_b, *free_a)) == output:
        (x, a, free_a), (y, b, free_b) = (y, b, free_b), (x, a, free_a)
    numbers = (
        (tuple(map(a.index, contracted)), tuple(map(b.index, contracted))),
        (tuple(map(a.index, batch)), tuple(map(b.index, batch))),
    )
    op = DotGeneral(numbers, canonical_precision(precision), preferred or x.dtype)
    return op(x, y), "".join((*batch, *free_a, *free_b))


def without_ones(first: Labelled, second: Labelled) -> tuple[Labelled, Labelled]:
    """Drop axes of size 1 whose label is longer in the other term."""
    (x, a), (y, b) = first, second
    size_a, size_b = dict(zip(a, x.shape, strict=True)), dict(zip(b, y.shape, strict=True))
    drop_a = [c for c in a if c in size_b and size_a[c] == 1 != size_b[c]]
    drop_b = [c for c in b if c in size_a and size_b[c] == 1 != size_a[c]]
    return squeezed(x, a, drop_a), squeezed(y, b, drop_b)


def squeezed(x: Any, labels: str, dropped: Sequence[str]) -> Labelled:
    """Remove labelled axes of size 1."""
    if not dropped:
        return x, labels
    kept = "".join(c for c in labels if c not in dropped)
    return Squeeze(tuple(labels.index(c) for c in dropped))(x), kept


def summed(x: Any, labels: str, needed: set[str]) -> Labelled:
    """Sum over the labels that are not needed."""
    axes = tuple(i for i, c in enumerate(labels) if c not in needed)
    kept = "".join(c for c in labels if c in needed)
    return (ReduceSum(axes)(x) if axes else x), kept


def without_repeats(x: Any, labels: str) -> Labelled:
    """Take the diagonal where a label comes twice."""
    while len(set(labels)) < len(labels):
        i = next(k for k, c in enumerate(labels) if c in labels[k + 1 :])
        j = labels.index(labels[i], i + 1)
        rows, columns = (Iota(dtypes.default_dtype("i"), x.shape, k)() for k in (i, j))
        zero = broadcast_scalar(constant(0, x), x.shape)
        x = ReduceSum((i,))(SelectN()(Eq()(rows, columns), zero, x))
        labels = labels[:i] + labels[i + 1 :]
    return x, labels


def ordered_as(x: Any, labels: str, output: str) -> Any:
    """Return a term with its axes in the order of the result."""
    return transposed(x, tuple(labels.index(c) for c in output))


@lru_cache(1000)
def planned(
    text: str, shapes: tuple[tuple[int, ...], ...], optimize: Any
) -> tuple[list[str], str, list[Any]]:
    """Return the labels of each array and of the result, and which terms each step multiplies."""
    inputs, output = parsed(text, shapes)
    check_sizes(inputs, shapes)
    return inputs, output, path_of(inputs, output, shapes, optimize)


def parsed(text: str, shapes: Sequence[tuple[int, ...]]) -> tuple[list[str], str]:
    """Return the labels of each array and of the result.

    Axes that `...` stands for get labels of their own.
    """
    text = text.replace(" ", "")
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(shapes):
        raise ArgumentError(
            f"einsum: {text!r} names {len(inputs)} arrays, got {len(shapes)}{at_user_line()}"
        )
    strange = set(left + right) - set(ascii_letters) - {",", "."}
    if strange:
        raise ArgumentError(f"einsum: {text!r} has characters that are no labels: {strange}")
    spare = [c for c in ascii_letters if c not in text]
    ranks = [len(n) - len(s.replace("...", "")) for s, n in zip(inputs, shapes, strict=True)]
    n_dots = max((r for s, r in zip(inputs, ranks, strict=True) if "..." in s), default=0)
    check_ranks(text, inputs, ranks, shapes)
    dots = "".join(spare[:n_dots])
    full = [
        s.replace("...", dots[n_dots - r :] if r else "")
        for s, r in zip(inputs, ranks, strict=True)
    ]
    joined = "".join(full)
    if not arrow:
        once = sorted(c for c in set(joined) if joined.count(c) == 1 and c not in dots)
        return full, dots + "".join(once)
    output = right.replace("...", dots)
    if len(set(output)) < len(output) or not set(output) <= set(joined):
        raise ArgumentError(
            f"einsum: the result's labels {right!r} must be distinct labels of the arrays, in"
            f" {text!r}{at_user_line()}\nEach label after -> must stand before it, and once."
        )
    return full, output


def check_ranks(
    text: str, inputs: list[str], ranks: list[int], shapes: Sequence[tuple[int, ...]]
) -> None:
    """Raise unless each array has the axes that its labels say."""
    for i, (s, rest) in enumerate(zip(inputs, ranks, strict=True)):
        is_malformed = s.count("...") > 1 or "." in s.replace("...", "")
        if is_malformed or rest < 0 or (rest and "..." not in s):
            raise ArgumentError(
                f"einsum: the labels {s!r} of operand {i} in {text!r} do not fit its shape"
                f" {shapes[i]}{at_user_line()}"
            )


def from_lists(first: Any, rest: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """Return text and arrays for einsum(array, labels, array, labels, …, labels of the result)."""
    items = [first, *rest]
    n_pairs = len(items) // 2
    labels = [items[2 * i + 1] for i in range(n_pairs)]
    letters: dict[Any, str] = {}

    def text(sub: Any) -> str:
        out: list[str] = []
        for label in sub:
            if label is Ellipsis:
                out.append("...")
            else:
                out.append(letters.setdefault(label, ascii_letters[len(letters)]))
        return "".join(out)

    # Results without labels of their own are in the order of the numbers.
    for label in sorted({c for sub in labels for c in sub if c is not Ellipsis}):
        letters.setdefault(label, ascii_letters[len(letters)])
    subscripts = ",".join(map(text, labels))
    if len(items) % 2:
        subscripts += "->" + text(items[-1])
    return subscripts, tuple(items[2 * i] for i in range(n_pairs))


def check_sizes(inputs: list[str], shapes: Sequence[tuple[int, ...]]) -> None:
    """Raise unless a label has one size (or 1) everywhere."""
    sizes: dict[str, int] = {}
    for i, (labels, shape) in enumerate(zip(inputs, shapes, strict=True)):
        for c, n in zip(labels, shape, strict=True):
            known = sizes.setdefault(c, n)
            if known == 1:
                sizes[c] = n
            elif n not in (1, known):
                got = " and ".join(map(str, shapes))
                raise ArgumentError(
                    f"Incompatible shapes for einsum: got {got}; label {c!r} has size {n} in"
                    f" operand {i} and {known} before.{at_user_line()}\nAxes of one label must be"
                    " of one size: check the order of the labels."
                )


def path_of(
    inputs: list[str], output: str, shapes: Sequence[tuple[int, ...]], optimize: Any
) -> list[Any]:
    """Return which terms are multiplied at each step; a product goes to the end."""
    if len(shapes) == 1:
        return [(0,)]
    if len(shapes) == 2:
        return [(0, 1)]
    if optimize is False:
        return [(0, 1), *((0, k) for k in range(len(shapes) - 2, 0, -1))]
    if isinstance(optimize, (list, tuple)) and optimize and optimize[0] == "einsum_path":
        optimize = optimize[1:]
    import opt_einsum

    text = ",".join(inputs) + "->" + output
    how = "optimal" if optimize is True else optimize
    shapes = [tuple(map(likely, shape)) for shape in shapes]
    path, _ = opt_einsum.contract_path(text, *shapes, shapes=True, optimize=how)
    return [pair for step in path for pair in in_pairs(step)]


def in_pairs(step: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return a step of several terms as steps of at most two."""
    if len(step) <= 2:
        return [tuple(step)]
    raise ArgumentError(f"einsum: a step of the path multiplies more than two terms: {step}")


def einsum_path(subscripts: Any, /, *operands: Any, optimize: Any = "auto") -> tuple[Any, str]:
    """Return the order in which `einsum` multiplies, and its report."""
    import opt_einsum

    if not isinstance(subscripts, str):
        subscripts, operands = from_lists(subscripts, operands)
    shapes = [operand("einsum_path", x, i + 1).shape for i, x in enumerate(operands)]
    inputs, output = parsed(subscripts, shapes)
    text = ",".join(inputs) + "->" + output
    shapes = [tuple(map(likely, shape)) for shape in shapes]
    path, info = opt_einsum.contract_path(text, *shapes, shapes=True, optimize=optimize)
    return list(path), str(info)
