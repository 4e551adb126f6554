"""Functions with fixed roundings that samples are made of, and blocks of random bits."""

from gradax.random.stream import Erf, ErfInv, Fma, Log, Log1p
from gradax.random.threefry import Threefry2x32
from tests.ops.sample import EDGES, Sample, arr, given

SHORT = ("float32", "float64", "bfloat16", "float16")

SAMPLES = [
    Sample(Log(), arr((5, 7), kind="positive"), dtypes=SHORT),
    Sample(Log(), given(EDGES), name="edges", differentiable=False),
    Sample(Log1p(), arr((5, 7), kind="unit"), dtypes=SHORT),
    Sample(Log1p(), arr((9,), kind="positive")),
    Sample(Erf(), arr((5, 7)), dtypes=SHORT),
    Sample(ErfInv(), arr((5, 7), kind="unit"), dtypes=SHORT),
    Sample(Fma(), arr((3, 4)), arr((3, 4)), arr((3, 4)), dtypes=("float32", "float64")),
    Sample(Fma(), arr((3, 4)), arr(()), arr(()), name="scalars"),
    Sample(Threefry2x32(), *(arr((9,), "uint32", "bits") for _ in range(4)), name="blocks"),
    Sample(
        Threefry2x32(),
        *(arr((), "uint32", "bits") for _ in range(2)),
        *(arr((9,), "uint32", "bits") for _ in range(2)),
        name="one key",
    ),
]
