"""The primitives of JAX's names: `lax.add_p` and the like, made on first use.

Each stands for an operation's class; `eqn.primitive` gives the same objects.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gradax.core.primitive import Primitive, primitive_of, primitive_of_function
from gradax.lazy import parse

if TYPE_CHECKING:
    abs_p: Primitive
    acos_p: Primitive
    acosh_p: Primitive
    add_p: Primitive
    after_all_p: Primitive
    all_gather_p: Primitive
    all_to_all_p: Primitive
    and_p: Primitive
    approx_top_k_p: Primitive
    argmax_p: Primitive
    argmin_p: Primitive
    asin_p: Primitive
    asinh_p: Primitive
    atan2_p: Primitive
    atan_p: Primitive
    atanh_p: Primitive
    axis_index_p: Primitive
    bessel_i0e_p: Primitive
    bessel_i1e_p: Primitive
    bitcast_convert_type_p: Primitive
    broadcast_in_dim_p: Primitive
    cbrt_p: Primitive
    ceil_p: Primitive
    clamp_p: Primitive
    clz_p: Primitive
    complex_p: Primitive
    concatenate_p: Primitive
    cond_p: Primitive
    conj_p: Primitive
    conv_general_dilated_p: Primitive
    convert_element_type_p: Primitive
    copy_p: Primitive
    cos_p: Primitive
    cosh_p: Primitive
    create_token_p: Primitive
    cumlogsumexp_p: Primitive
    cummax_p: Primitive
    cummin_p: Primitive
    cumprod_p: Primitive
    cumsum_p: Primitive
    digamma_p: Primitive
    div_p: Primitive
    dot_general_p: Primitive
    dynamic_slice_p: Primitive
    dynamic_update_slice_p: Primitive
    eq_p: Primitive
    eq_to_p: Primitive
    erf_inv_p: Primitive
    erf_p: Primitive
    erfc_p: Primitive
    exp2_p: Primitive
    exp_p: Primitive
    expm1_p: Primitive
    fft_p: Primitive
    floor_p: Primitive
    gather_p: Primitive
    ge_p: Primitive
    gt_p: Primitive
    igamma_grad_a_p: Primitive
    igamma_p: Primitive
    igammac_p: Primitive
    imag_p: Primitive
    integer_pow_p: Primitive
    iota_p: Primitive
    is_finite_p: Primitive
    le_p: Primitive
    le_to_p: Primitive
    lgamma_p: Primitive
    linear_solve_p: Primitive
    log1p_p: Primitive
    log_p: Primitive
    logistic_p: Primitive
    lt_p: Primitive
    lt_to_p: Primitive
    max_p: Primitive
    min_p: Primitive
    mul_p: Primitive
    mulhi_p: Primitive
    ne_p: Primitive
    neg_p: Primitive
    nextafter_p: Primitive
    not_p: Primitive
    optimization_barrier_p: Primitive
    or_p: Primitive
    pad_p: Primitive
    pmax_p: Primitive
    pmin_p: Primitive
    polygamma_p: Primitive
    population_count_p: Primitive
    pow_p: Primitive
    ppermute_p: Primitive
    psum_p: Primitive
    real_p: Primitive
    reduce_and_p: Primitive
    reduce_max_p: Primitive
    reduce_min_p: Primitive
    reduce_or_p: Primitive
    reduce_p: Primitive
    reduce_precision_p: Primitive
    reduce_prod_p: Primitive
    reduce_sum_p: Primitive
    reduce_window_max_p: Primitive
    reduce_window_min_p: Primitive
    reduce_window_p: Primitive
    reduce_window_sum_p: Primitive
    reduce_xor_p: Primitive
    regularized_incomplete_beta_p: Primitive
    rem_p: Primitive
    reshape_p: Primitive
    rev_p: Primitive
    rng_bit_generator_p: Primitive
    rng_uniform_p: Primitive
    round_p: Primitive
    rsqrt_p: Primitive
    scan_p: Primitive
    scatter_add_p: Primitive
    scatter_max_p: Primitive
    scatter_min_p: Primitive
    scatter_mul_p: Primitive
    scatter_p: Primitive
    scatter_sub_p: Primitive
    select_and_gather_add_p: Primitive
    select_and_scatter_add_p: Primitive
    select_n_p: Primitive
    sharding_constraint_p: Primitive
    shift_left_p: Primitive
    shift_right_arithmetic_p: Primitive
    shift_right_logical_p: Primitive
    sign_p: Primitive
    sin_p: Primitive
    sinh_p: Primitive
    slice_p: Primitive
    sort_p: Primitive
    split_p: Primitive
    sqrt_p: Primitive
    square_p: Primitive
    squeeze_p: Primitive
    stack_p: Primitive
    stage_p: Primitive
    stop_gradient_p: Primitive
    sub_p: Primitive
    tan_p: Primitive
    tanh_p: Primitive
    tile_p: Primitive
    top_k_p: Primitive
    transpose_p: Primitive
    unstack_p: Primitive
    while_p: Primitive
    xor_p: Primitive
    zeta_p: Primitive

# module: name=class …
_OPERATIONS = """
    gradax.control.call: jit=Jit
    gradax.control.callbacks: debug_callback=DebugCallback io_callback=IoCallback
        pure_callback=PureCallback
    gradax.control.checkpoint: checkpoint=Checkpoint
    gradax.control.cond: cond=Cond
    gradax.control.custom_jvp: custom_jvp_call=CustomJvpCall
    gradax.control.custom_vjp: custom_lin=CustomLin custom_vjp_call=CustomVjpCall
    gradax.control.linear_solve: linear_solve=LinearSolve
    gradax.control.scan: scan=Scan
    gradax.control.while_loop: while=While
    gradax.lax.arithmetic: add=Add add_jaxvals=AddAny div=Div integer_pow=IntegerPow max=Max
        min=Min mul=Mul neg=Neg rem=Rem sub=Sub
    gradax.lax.barriers: copy=Copy optimization_barrier=OptimizationBarrier
        stop_gradient=StopGradient
    gradax.lax.bits: and=And clz=Clz mulhi=Mulhi not=Not or=Or population_count=PopulationCount
        shift_left=ShiftLeft shift_right_arithmetic=ShiftRightArithmetic
        shift_right_logical=ShiftRightLogical xor=Xor
    gradax.lax.collectives: all_gather=AllGather all_to_all=AllToAll axis_index=AxisIndex
        pmax=Pmax pmin=Pmin ppermute=Ppermute psum=Psum
    gradax.lax.comparison: clamp=Clamp eq=Eq ge=Ge gt=Gt le=Le lt=Lt ne=Ne select_n=SelectN
    gradax.lax.complex_parts: complex=Complex conj=Conj imag=Imag real=Real
    gradax.lax.convert: bitcast_convert_type=BitcastConvertType
        convert_element_type=ConvertElementType
    gradax.lax.convolution: conv_general_dilated=ConvGeneralDilated
    gradax.lax.creation: iota=Iota
    gradax.lax.cumulative: cumlogsumexp=Cumlogsumexp cummax=Cummax cummin=Cummin cumprod=Cumprod
        cumsum=Cumsum
    gradax.lax.dot: dot_general=DotGeneral
    gradax.lax.dynamic_slicing: dynamic_slice=DynamicSlice
        dynamic_update_slice=DynamicUpdateSlice
    gradax.lax.elementary: cbrt=Cbrt exp=Exp exp2=Exp2 expm1=Expm1 log=Log log1p=Log1p
        logistic=Logistic pow=Pow rsqrt=Rsqrt sqrt=Sqrt square=Square
    gradax.lax.factorizations: lu=Lu lu_pivots_to_permutation=LuPivotsToPermutation qr=Qr
    gradax.lax.fft: fft=Fft
    gradax.lax.folding: reduce=Reduce reduce_window=ReduceWindow
    gradax.lax.gamma: digamma=Digamma lgamma=Lgamma polygamma=Polygamma zeta=Zeta
    gradax.lax.gathering: gather=Gather scatter_add=ScatterAdd
    gradax.lax.incomplete: igamma=Igamma igamma_grad_a=IgammaGradA igammac=Igammac
        regularized_incomplete_beta=RegularizedIncompleteBeta
    gradax.lax.joining: concatenate=Concatenate split=Split
    gradax.lax.naming: name=Name
    gradax.lax.random_bits: rng_bit_generator=RngBitGenerator rng_uniform=RngUniform
    gradax.lax.reductions: argmax=ArgMax argmin=ArgMin reduce_and=ReduceAnd reduce_max=ReduceMax
        reduce_min=ReduceMin reduce_or=ReduceOr reduce_prod=ReduceProd reduce_xor=ReduceXor
    gradax.lax.rounding: abs=Abs ceil=Ceil floor=Floor is_finite=IsFinite nextafter=Nextafter
        reduce_precision=ReducePrecision round=Round sign=Sign
    gradax.lax.scattering: scatter=Scatter scatter_max=ScatterMax scatter_min=ScatterMin
        scatter_mul=ScatterMul scatter_sub=ScatterSub
    gradax.lax.schur: hessenberg=Hessenberg schur=Schur tridiagonal=Tridiagonal
    gradax.lax.shapes: broadcast_in_dim=BroadcastInDim reduce_sum=ReduceSum reshape=Reshape
        squeeze=Squeeze transpose=Transpose
    gradax.lax.sharding_constraint: sharding_constraint=ShardingConstraint
    gradax.lax.slicing: pad=Pad rev=Rev slice=Slice
    gradax.lax.solving: cholesky=Cholesky triangular_solve=TriangularSolve
    gradax.lax.sorting: sort=Sort top_k=TopK
    gradax.lax.special: bessel_i0e=BesselI0e bessel_i1e=BesselI1e erf=Erf erf_inv=ErfInv
        erfc=Erfc
    gradax.lax.spectral: eig=Eig eigh=Eigh svd=Svd
    gradax.lax.trigonometric: acos=Acos acosh=Acosh asin=Asin asinh=Asinh atan=Atan atan2=Atan2
        atanh=Atanh cos=Cos cosh=Cosh sin=Sin sinh=Sinh tan=Tan tanh=Tanh
    gradax.lax.windows: reduce_window_max=ReduceWindowMax reduce_window_min=ReduceWindowMin
        reduce_window_sum=ReduceWindowSum select_and_gather_add=SelectAndGatherAdd
        select_and_scatter_add=SelectAndScatterAdd
    gradax.random.operations: random_bits=RandomBits random_fold_in=RandomFoldIn
        random_seed=RandomSeed random_split=RandomSplit random_unwrap=RandomUnwrap
        random_wrap=RandomWrap
    gradax.random.threefry: threefry2x32=Threefry2x32
"""

# Operations for JAX, compositions here. module: name=function, and how many results where not one.
_FUNCTIONS = """
    gradax.lax.bindings: approx_top_k eq_to le_to lt_to stack
    gradax.lax.joining: tile unstack
    gradax.lax.lifting: after_all create_token stage
    gradax.lax.linalg: cholesky_update householder_product ormqr symmetric_product
        tridiagonal_solve
"""
_SEVERAL_RESULTS = ("approx_top_k", "unstack")


class _Tables:
    """Where the operations and functions are, by the names of their primitives."""

    def __init__(self) -> None:
        self.operations: dict[str, tuple[str, str]] = {}
        for pair, module in parse(_OPERATIONS).items():
            name, kind = pair.split("=")
            self.operations[name] = module, kind
        self.functions = parse(_FUNCTIONS)


_tables = _Tables()


def find_primitive(name: str) -> Primitive | None:
    """Return the primitive that JAX calls NAME_p, or None where there is none."""
    if name in _tables.operations:
        module, kind = _tables.operations[name]
        return primitive_of(getattr(import_module(module), kind))
    if name in _tables.functions:
        function = getattr(import_module(_tables.functions[name]), name)
        return primitive_of_function(name, function, 2 if name in _SEVERAL_RESULTS else 1)
    return None


def names() -> list[str]:
    """Return the names of all primitives, with the `_p` at their end."""
    return sorted(f"{name}_p" for name in (*_tables.operations, *_tables.functions))


def __getattr__(name: str) -> Any:
    found = find_primitive(name.removesuffix("_p")) if name.endswith("_p") else None
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found
