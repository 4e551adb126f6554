"""The largest errors of the approximations, in units of the last place.

They are what `make ulp` and the tests allow, and what users may rely on.

Results below the least normal number are allowed one unit of it more.
"""

# fmt: off
FLOAT32: dict[str, float] = {
    "exp": 1.0, "exp2": 1.0, "expm1": 2.0, "log": 1.0, "log1p": 1.6, "logistic": 3.0, "tanh": 3.0,
    "sinh": 3.0, "cosh": 1.5, "asinh": 2.5, "acosh": 2.5, "atanh": 2.5, "sin": 2.0, "cos": 2.0,
    "tan": 3.6, "asin": 3.0, "acos": 2.0, "atan": 2.5, "cbrt": 1.0, "rsqrt": 1.5, "erf": 7.0,
    "erfc": 5.5, "lgamma": 7.6, "digamma": 2.0, "bessel_i0e": 4.0, "bessel_i1e": 4.0, "round": 0.0,
    "pow": 1.0, "atan2": 3.0,
}
FLOAT64: dict[str, float] = {
    "exp": 1.0, "exp2": 1.0, "expm1": 2.0, "log": 1.0, "log1p": 1.0, "logistic": 2.5, "tanh": 2.5,
    "sinh": 2.5, "cosh": 1.5, "asinh": 2.5, "acosh": 2.5, "atanh": 2.5, "sin": 1.5, "cos": 1.5,
    "tan": 3.0, "asin": 3.0, "acos": 2.0, "atan": 2.0, "cbrt": 1.0, "rsqrt": 1.5, "erf": 2.5,
    "erfc": 5.0, "erf_inv": 5.0, "lgamma": 4.0, "bessel_i0e": 4.0, "bessel_i1e": 4.0, "round": 0.0,
    "pow": 1.0, "atan2": 3.0,
}
# fmt: on
