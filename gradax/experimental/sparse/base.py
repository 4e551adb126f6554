"""What sparse arrays have in common."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gradax.core.aval import Aval


class JAXSparse:
    """Base of sparse arrays: a shape, values, and where they stand.

    An array has `n_batch` axes in front that its values and indices have as well, then the sparse
    ones, then `n_dense` axes of which each stored value has a whole block.
    """

    shape: tuple[int, ...]
    data: Any
    indices: Any
    # Operators of arrays leave those with a sparse operand to the methods here.
    __array_priority__ = 100

    @property
    def dtype(self) -> Any:
        """The dtype of the values."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements, stored or not."""
        return prod(self.shape)

    @property
    def aval(self) -> Aval:
        """The type of the array when it is dense."""
        return Aval(self.shape, self.dtype)

    @property
    def T(self) -> Any:
        """The transpose."""
        return self.transpose()

    def transpose(self, axes: Sequence[int] | None = None) -> Any:
        """Return the array with its axes permuted."""
        raise NotImplementedError

    def todense(self) -> Any:
        """Return the array with all its elements."""
        raise NotImplementedError

    def block_until_ready(self) -> Any:
        """Wait until the values are computed; return the array."""
        self.data.block_until_ready()
        return self

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        name = type(self).__name__
        shape = ", ".join(map(str, self.shape))
        stored = f"nse={self.nse}"
        if self.n_batch:
            stored += f", n_batch={self.n_batch}"
        if self.n_dense:
            stored += f", n_dense={self.n_dense}"
        return f"{name}({self.dtype}[{shape}], {stored})"

    @property
    def nse(self) -> int:
        """The number of stored elements, of each batch."""
        raise NotImplementedError

    @property
    def n_batch(self) -> int:
        """The number of batch axes."""
        raise NotImplementedError

    @property
    def n_dense(self) -> int:
        """The number of dense axes."""
        raise NotImplementedError

    def __hash__(self) -> int:
        raise TypeError(f"unhashable type: {type(self).__name__}")
