"""NumPy's functions on arrays of ours: `jax.numpy`'s names, arguments and dtype rules."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.dtypes import bfloat16 as bfloat16
    from gradax.dtypes import bool_ as bool_
    from gradax.dtypes import complex64 as complex64
    from gradax.dtypes import complex128 as complex128
    from gradax.dtypes import complex_ as complex_
    from gradax.dtypes import complexfloating as complexfloating
    from gradax.dtypes import finfo as finfo
    from gradax.dtypes import float4_e2m1fn as float4_e2m1fn
    from gradax.dtypes import float6_e2m3fn as float6_e2m3fn
    from gradax.dtypes import float6_e3m2fn as float6_e3m2fn
    from gradax.dtypes import float8_e3m4 as float8_e3m4
    from gradax.dtypes import float8_e4m3 as float8_e4m3
    from gradax.dtypes import float8_e4m3b11fnuz as float8_e4m3b11fnuz
    from gradax.dtypes import float8_e4m3fn as float8_e4m3fn
    from gradax.dtypes import float8_e4m3fnuz as float8_e4m3fnuz
    from gradax.dtypes import float8_e5m2 as float8_e5m2
    from gradax.dtypes import float8_e5m2fnuz as float8_e5m2fnuz
    from gradax.dtypes import float8_e8m0fnu as float8_e8m0fnu
    from gradax.dtypes import float16 as float16
    from gradax.dtypes import float32 as float32
    from gradax.dtypes import float64 as float64
    from gradax.dtypes import float_ as float_
    from gradax.dtypes import floating as floating
    from gradax.dtypes import generic as generic
    from gradax.dtypes import iinfo as iinfo
    from gradax.dtypes import inexact as inexact
    from gradax.dtypes import int1 as int1
    from gradax.dtypes import int2 as int2
    from gradax.dtypes import int4 as int4
    from gradax.dtypes import int8 as int8
    from gradax.dtypes import int16 as int16
    from gradax.dtypes import int32 as int32
    from gradax.dtypes import int64 as int64
    from gradax.dtypes import int_ as int_
    from gradax.dtypes import integer as integer
    from gradax.dtypes import isdtype as isdtype
    from gradax.dtypes import issubdtype as issubdtype
    from gradax.dtypes import number as number
    from gradax.dtypes import promote_types as promote_types
    from gradax.dtypes import result_type as result_type
    from gradax.dtypes import signedinteger as signedinteger
    from gradax.dtypes import uint as uint
    from gradax.dtypes import uint1 as uint1
    from gradax.dtypes import uint2 as uint2
    from gradax.dtypes import uint4 as uint4
    from gradax.dtypes import uint8 as uint8
    from gradax.dtypes import uint16 as uint16
    from gradax.dtypes import uint32 as uint32
    from gradax.dtypes import uint64 as uint64
    from gradax.dtypes import unsignedinteger as unsignedinteger
    from gradax.numpy import fft as fft
    from gradax.numpy import linalg as linalg
    from gradax.numpy.arithmetic import abs as abs
    from gradax.numpy.arithmetic import absolute as absolute
    from gradax.numpy.arithmetic import add as add
    from gradax.numpy.arithmetic import around as around
    from gradax.numpy.arithmetic import cbrt as cbrt
    from gradax.numpy.arithmetic import ceil as ceil
    from gradax.numpy.arithmetic import conj as conj
    from gradax.numpy.arithmetic import conjugate as conjugate
    from gradax.numpy.arithmetic import divide as divide
    from gradax.numpy.arithmetic import divmod as divmod
    from gradax.numpy.arithmetic import fabs as fabs
    from gradax.numpy.arithmetic import float_power as float_power
    from gradax.numpy.arithmetic import floor as floor
    from gradax.numpy.arithmetic import floor_divide as floor_divide
    from gradax.numpy.arithmetic import fmax as fmax
    from gradax.numpy.arithmetic import fmin as fmin
    from gradax.numpy.arithmetic import fmod as fmod
    from gradax.numpy.arithmetic import imag as imag
    from gradax.numpy.arithmetic import maximum as maximum
    from gradax.numpy.arithmetic import minimum as minimum
    from gradax.numpy.arithmetic import mod as mod
    from gradax.numpy.arithmetic import multiply as multiply
    from gradax.numpy.arithmetic import negative as negative
    from gradax.numpy.arithmetic import positive as positive
    from gradax.numpy.arithmetic import pow as pow
    from gradax.numpy.arithmetic import power as power
    from gradax.numpy.arithmetic import real as real
    from gradax.numpy.arithmetic import reciprocal as reciprocal
    from gradax.numpy.arithmetic import remainder as remainder
    from gradax.numpy.arithmetic import rint as rint
    from gradax.numpy.arithmetic import round as round
    from gradax.numpy.arithmetic import sign as sign
    from gradax.numpy.arithmetic import sqrt as sqrt
    from gradax.numpy.arithmetic import square as square
    from gradax.numpy.arithmetic import subtract as subtract
    from gradax.numpy.arithmetic import true_divide as true_divide
    from gradax.numpy.arithmetic import trunc as trunc
    from gradax.numpy.constants import ComplexWarning as ComplexWarning
    from gradax.numpy.constants import bool as bool
    from gradax.numpy.constants import can_cast as can_cast
    from gradax.numpy.constants import cdouble as cdouble
    from gradax.numpy.constants import character as character
    from gradax.numpy.constants import csingle as csingle
    from gradax.numpy.constants import double as double
    from gradax.numpy.constants import dtype as dtype
    from gradax.numpy.constants import e as e
    from gradax.numpy.constants import euler_gamma as euler_gamma
    from gradax.numpy.constants import flexible as flexible
    from gradax.numpy.constants import index_exp as index_exp
    from gradax.numpy.constants import inf as inf
    from gradax.numpy.constants import iterable as iterable
    from gradax.numpy.constants import nan as nan
    from gradax.numpy.constants import ndarray as ndarray
    from gradax.numpy.constants import newaxis as newaxis
    from gradax.numpy.constants import object_ as object_
    from gradax.numpy.constants import pi as pi
    from gradax.numpy.constants import s_ as s_
    from gradax.numpy.constants import single as single
    from gradax.numpy.creation import array as array
    from gradax.numpy.creation import asarray as asarray
    from gradax.numpy.creation import copy as copy
    from gradax.numpy.creation import empty as empty
    from gradax.numpy.creation import empty_like as empty_like
    from gradax.numpy.creation import from_dlpack as from_dlpack
    from gradax.numpy.creation import frombuffer as frombuffer
    from gradax.numpy.creation import fromfile as fromfile
    from gradax.numpy.creation import fromfunction as fromfunction
    from gradax.numpy.creation import fromiter as fromiter
    from gradax.numpy.creation import fromstring as fromstring
    from gradax.numpy.creation import full as full
    from gradax.numpy.creation import full_like as full_like
    from gradax.numpy.creation import load as load
    from gradax.numpy.creation import ones as ones
    from gradax.numpy.creation import ones_like as ones_like
    from gradax.numpy.creation import save as save
    from gradax.numpy.creation import savez as savez
    from gradax.numpy.creation import zeros as zeros
    from gradax.numpy.creation import zeros_like as zeros_like
    from gradax.numpy.cumulative import cumprod as cumprod
    from gradax.numpy.cumulative import cumsum as cumsum
    from gradax.numpy.cumulative import cumulative_prod as cumulative_prod
    from gradax.numpy.cumulative import cumulative_sum as cumulative_sum
    from gradax.numpy.cumulative import diff as diff
    from gradax.numpy.cumulative import ediff1d as ediff1d
    from gradax.numpy.cumulative import gradient as gradient
    from gradax.numpy.cumulative import nancumprod as nancumprod
    from gradax.numpy.cumulative import nancumsum as nancumsum
    from gradax.numpy.cumulative import trapezoid as trapezoid
    from gradax.numpy.editing import delete as delete
    from gradax.numpy.editing import fill_diagonal as fill_diagonal
    from gradax.numpy.editing import insert as insert
    from gradax.numpy.editing import place as place
    from gradax.numpy.editing import put as put
    from gradax.numpy.editing import put_along_axis as put_along_axis
    from gradax.numpy.einsum import einsum as einsum
    from gradax.numpy.einsum import einsum_path as einsum_path
    from gradax.numpy.elementary import acos as acos
    from gradax.numpy.elementary import acosh as acosh
    from gradax.numpy.elementary import angle as angle
    from gradax.numpy.elementary import arccos as arccos
    from gradax.numpy.elementary import arccosh as arccosh
    from gradax.numpy.elementary import arcsin as arcsin
    from gradax.numpy.elementary import arcsinh as arcsinh
    from gradax.numpy.elementary import arctan as arctan
    from gradax.numpy.elementary import arctan2 as arctan2
    from gradax.numpy.elementary import arctanh as arctanh
    from gradax.numpy.elementary import asin as asin
    from gradax.numpy.elementary import asinh as asinh
    from gradax.numpy.elementary import atan as atan
    from gradax.numpy.elementary import atan2 as atan2
    from gradax.numpy.elementary import atanh as atanh
    from gradax.numpy.elementary import copysign as copysign
    from gradax.numpy.elementary import cos as cos
    from gradax.numpy.elementary import cosh as cosh
    from gradax.numpy.elementary import deg2rad as deg2rad
    from gradax.numpy.elementary import degrees as degrees
    from gradax.numpy.elementary import exp as exp
    from gradax.numpy.elementary import exp2 as exp2
    from gradax.numpy.elementary import expm1 as expm1
    from gradax.numpy.elementary import frexp as frexp
    from gradax.numpy.elementary import heaviside as heaviside
    from gradax.numpy.elementary import hypot as hypot
    from gradax.numpy.elementary import i0 as i0
    from gradax.numpy.elementary import ldexp as ldexp
    from gradax.numpy.elementary import log as log
    from gradax.numpy.elementary import log1p as log1p
    from gradax.numpy.elementary import log2 as log2
    from gradax.numpy.elementary import log10 as log10
    from gradax.numpy.elementary import logaddexp as logaddexp
    from gradax.numpy.elementary import logaddexp2 as logaddexp2
    from gradax.numpy.elementary import modf as modf
    from gradax.numpy.elementary import nextafter as nextafter
    from gradax.numpy.elementary import rad2deg as rad2deg
    from gradax.numpy.elementary import radians as radians
    from gradax.numpy.elementary import signbit as signbit
    from gradax.numpy.elementary import sin as sin
    from gradax.numpy.elementary import sinc as sinc
    from gradax.numpy.elementary import sinh as sinh
    from gradax.numpy.elementary import spacing as spacing
    from gradax.numpy.elementary import tan as tan
    from gradax.numpy.elementary import tanh as tanh
    from gradax.numpy.grids import c_ as c_
    from gradax.numpy.grids import mgrid as mgrid
    from gradax.numpy.grids import ogrid as ogrid
    from gradax.numpy.grids import r_ as r_
    from gradax.numpy.histograms import bincount as bincount
    from gradax.numpy.histograms import corrcoef as corrcoef
    from gradax.numpy.histograms import cov as cov
    from gradax.numpy.histograms import histogram as histogram
    from gradax.numpy.histograms import histogram2d as histogram2d
    from gradax.numpy.histograms import histogram_bin_edges as histogram_bin_edges
    from gradax.numpy.histograms import histogramdd as histogramdd
    from gradax.numpy.integers import gcd as gcd
    from gradax.numpy.integers import lcm as lcm
    from gradax.numpy.integers import packbits as packbits
    from gradax.numpy.integers import unpackbits as unpackbits
    from gradax.numpy.joining import append as append
    from gradax.numpy.joining import array_split as array_split
    from gradax.numpy.joining import block as block
    from gradax.numpy.joining import column_stack as column_stack
    from gradax.numpy.joining import concat as concat
    from gradax.numpy.joining import concatenate as concatenate
    from gradax.numpy.joining import dsplit as dsplit
    from gradax.numpy.joining import dstack as dstack
    from gradax.numpy.joining import hsplit as hsplit
    from gradax.numpy.joining import hstack as hstack
    from gradax.numpy.joining import repeat as repeat
    from gradax.numpy.joining import resize as resize
    from gradax.numpy.joining import roll as roll
    from gradax.numpy.joining import split as split
    from gradax.numpy.joining import stack as stack
    from gradax.numpy.joining import tile as tile
    from gradax.numpy.joining import trim_zeros as trim_zeros
    from gradax.numpy.joining import unstack as unstack
    from gradax.numpy.joining import vsplit as vsplit
    from gradax.numpy.joining import vstack as vstack
    from gradax.numpy.logic import allclose as allclose
    from gradax.numpy.logic import array_equal as array_equal
    from gradax.numpy.logic import array_equiv as array_equiv
    from gradax.numpy.logic import bitwise_and as bitwise_and
    from gradax.numpy.logic import bitwise_count as bitwise_count
    from gradax.numpy.logic import bitwise_invert as bitwise_invert
    from gradax.numpy.logic import bitwise_left_shift as bitwise_left_shift
    from gradax.numpy.logic import bitwise_not as bitwise_not
    from gradax.numpy.logic import bitwise_or as bitwise_or
    from gradax.numpy.logic import bitwise_right_shift as bitwise_right_shift
    from gradax.numpy.logic import bitwise_xor as bitwise_xor
    from gradax.numpy.logic import clip as clip
    from gradax.numpy.logic import equal as equal
    from gradax.numpy.logic import greater as greater
    from gradax.numpy.logic import greater_equal as greater_equal
    from gradax.numpy.logic import invert as invert
    from gradax.numpy.logic import isclose as isclose
    from gradax.numpy.logic import iscomplex as iscomplex
    from gradax.numpy.logic import iscomplexobj as iscomplexobj
    from gradax.numpy.logic import isfinite as isfinite
    from gradax.numpy.logic import isinf as isinf
    from gradax.numpy.logic import isnan as isnan
    from gradax.numpy.logic import isneginf as isneginf
    from gradax.numpy.logic import isposinf as isposinf
    from gradax.numpy.logic import isreal as isreal
    from gradax.numpy.logic import isrealobj as isrealobj
    from gradax.numpy.logic import isscalar as isscalar
    from gradax.numpy.logic import left_shift as left_shift
    from gradax.numpy.logic import less as less
    from gradax.numpy.logic import less_equal as less_equal
    from gradax.numpy.logic import logical_and as logical_and
    from gradax.numpy.logic import logical_not as logical_not
    from gradax.numpy.logic import logical_or as logical_or
    from gradax.numpy.logic import logical_xor as logical_xor
    from gradax.numpy.logic import nan_to_num as nan_to_num
    from gradax.numpy.logic import not_equal as not_equal
    from gradax.numpy.logic import piecewise as piecewise
    from gradax.numpy.logic import right_shift as right_shift
    from gradax.numpy.logic import select as select
    from gradax.numpy.missing import nanargmax as nanargmax
    from gradax.numpy.missing import nanargmin as nanargmin
    from gradax.numpy.missing import nanmax as nanmax
    from gradax.numpy.missing import nanmean as nanmean
    from gradax.numpy.missing import nanmin as nanmin
    from gradax.numpy.missing import nanprod as nanprod
    from gradax.numpy.missing import nanstd as nanstd
    from gradax.numpy.missing import nansum as nansum
    from gradax.numpy.missing import nanvar as nanvar
    from gradax.numpy.padding import pad as pad
    from gradax.numpy.polynomials import poly as poly
    from gradax.numpy.polynomials import polyadd as polyadd
    from gradax.numpy.polynomials import polyder as polyder
    from gradax.numpy.polynomials import polydiv as polydiv
    from gradax.numpy.polynomials import polyfit as polyfit
    from gradax.numpy.polynomials import polyint as polyint
    from gradax.numpy.polynomials import polymul as polymul
    from gradax.numpy.polynomials import polysub as polysub
    from gradax.numpy.polynomials import polyval as polyval
    from gradax.numpy.polynomials import roots as roots
    from gradax.numpy.printing import array_repr as array_repr
    from gradax.numpy.printing import array_str as array_str
    from gradax.numpy.printing import get_printoptions as get_printoptions
    from gradax.numpy.printing import printoptions as printoptions
    from gradax.numpy.printing import set_printoptions as set_printoptions
    from gradax.numpy.products import cross as cross
    from gradax.numpy.products import dot as dot
    from gradax.numpy.products import inner as inner
    from gradax.numpy.products import kron as kron
    from gradax.numpy.products import matmul as matmul
    from gradax.numpy.products import matvec as matvec
    from gradax.numpy.products import outer as outer
    from gradax.numpy.products import tensordot as tensordot
    from gradax.numpy.products import trace as trace
    from gradax.numpy.products import vdot as vdot
    from gradax.numpy.products import vecdot as vecdot
    from gradax.numpy.products import vecmat as vecmat
    from gradax.numpy.ranges import arange as arange
    from gradax.numpy.ranges import diag as diag
    from gradax.numpy.ranges import diag_indices as diag_indices
    from gradax.numpy.ranges import diag_indices_from as diag_indices_from
    from gradax.numpy.ranges import diagflat as diagflat
    from gradax.numpy.ranges import diagonal as diagonal
    from gradax.numpy.ranges import eye as eye
    from gradax.numpy.ranges import geomspace as geomspace
    from gradax.numpy.ranges import identity as identity
    from gradax.numpy.ranges import indices as indices
    from gradax.numpy.ranges import linspace as linspace
    from gradax.numpy.ranges import logspace as logspace
    from gradax.numpy.ranges import mask_indices as mask_indices
    from gradax.numpy.ranges import meshgrid as meshgrid
    from gradax.numpy.ranges import tri as tri
    from gradax.numpy.ranges import tril as tril
    from gradax.numpy.ranges import tril_indices as tril_indices
    from gradax.numpy.ranges import tril_indices_from as tril_indices_from
    from gradax.numpy.ranges import triu as triu
    from gradax.numpy.ranges import triu_indices as triu_indices
    from gradax.numpy.ranges import triu_indices_from as triu_indices_from
    from gradax.numpy.ranges import vander as vander
    from gradax.numpy.reductions import all as all
    from gradax.numpy.reductions import amax as amax
    from gradax.numpy.reductions import amin as amin
    from gradax.numpy.reductions import any as any
    from gradax.numpy.reductions import argmax as argmax
    from gradax.numpy.reductions import argmin as argmin
    from gradax.numpy.reductions import average as average
    from gradax.numpy.reductions import count_nonzero as count_nonzero
    from gradax.numpy.reductions import max as max
    from gradax.numpy.reductions import mean as mean
    from gradax.numpy.reductions import min as min
    from gradax.numpy.reductions import prod as prod
    from gradax.numpy.reductions import ptp as ptp
    from gradax.numpy.reductions import std as std
    from gradax.numpy.reductions import sum as sum
    from gradax.numpy.reductions import var as var
    from gradax.numpy.sets import intersect1d as intersect1d
    from gradax.numpy.sets import isin as isin
    from gradax.numpy.sets import setdiff1d as setdiff1d
    from gradax.numpy.sets import setxor1d as setxor1d
    from gradax.numpy.sets import union1d as union1d
    from gradax.numpy.sets import unique as unique
    from gradax.numpy.sets import unique_all as unique_all
    from gradax.numpy.sets import unique_counts as unique_counts
    from gradax.numpy.sets import unique_inverse as unique_inverse
    from gradax.numpy.sets import unique_values as unique_values
    from gradax.numpy.shaping import astype as astype
    from gradax.numpy.shaping import atleast_1d as atleast_1d
    from gradax.numpy.shaping import atleast_2d as atleast_2d
    from gradax.numpy.shaping import atleast_3d as atleast_3d
    from gradax.numpy.shaping import broadcast_arrays as broadcast_arrays
    from gradax.numpy.shaping import broadcast_shapes as broadcast_shapes
    from gradax.numpy.shaping import broadcast_to as broadcast_to
    from gradax.numpy.shaping import expand_dims as expand_dims
    from gradax.numpy.shaping import flip as flip
    from gradax.numpy.shaping import fliplr as fliplr
    from gradax.numpy.shaping import flipud as flipud
    from gradax.numpy.shaping import matrix_transpose as matrix_transpose
    from gradax.numpy.shaping import moveaxis as moveaxis
    from gradax.numpy.shaping import ndim as ndim
    from gradax.numpy.shaping import permute_dims as permute_dims
    from gradax.numpy.shaping import ravel as ravel
    from gradax.numpy.shaping import reshape as reshape
    from gradax.numpy.shaping import rollaxis as rollaxis
    from gradax.numpy.shaping import rot90 as rot90
    from gradax.numpy.shaping import shape as shape
    from gradax.numpy.shaping import size as size
    from gradax.numpy.shaping import squeeze as squeeze
    from gradax.numpy.shaping import swapaxes as swapaxes
    from gradax.numpy.shaping import transpose as transpose
    from gradax.numpy.signals import convolve as convolve
    from gradax.numpy.signals import correlate as correlate
    from gradax.numpy.signals import interp as interp
    from gradax.numpy.signals import unwrap as unwrap
    from gradax.numpy.sorting import argpartition as argpartition
    from gradax.numpy.sorting import argsort as argsort
    from gradax.numpy.sorting import digitize as digitize
    from gradax.numpy.sorting import lexsort as lexsort
    from gradax.numpy.sorting import partition as partition
    from gradax.numpy.sorting import searchsorted as searchsorted
    from gradax.numpy.sorting import sort as sort
    from gradax.numpy.sorting import sort_complex as sort_complex
    from gradax.numpy.statistics import median as median
    from gradax.numpy.statistics import nanmedian as nanmedian
    from gradax.numpy.statistics import nanpercentile as nanpercentile
    from gradax.numpy.statistics import nanquantile as nanquantile
    from gradax.numpy.statistics import percentile as percentile
    from gradax.numpy.statistics import quantile as quantile
    from gradax.numpy.taking import argwhere as argwhere
    from gradax.numpy.taking import choose as choose
    from gradax.numpy.taking import compress as compress
    from gradax.numpy.taking import extract as extract
    from gradax.numpy.taking import flatnonzero as flatnonzero
    from gradax.numpy.taking import ix_ as ix_
    from gradax.numpy.taking import nonzero as nonzero
    from gradax.numpy.taking import ravel_multi_index as ravel_multi_index
    from gradax.numpy.taking import take as take
    from gradax.numpy.taking import take_along_axis as take_along_axis
    from gradax.numpy.taking import unravel_index as unravel_index
    from gradax.numpy.taking import where as where
    from gradax.numpy.ufuncs import frompyfunc as frompyfunc
    from gradax.numpy.ufuncs import ufunc as ufunc
    from gradax.numpy.vectorizing import apply_along_axis as apply_along_axis
    from gradax.numpy.vectorizing import apply_over_axes as apply_over_axes
    from gradax.numpy.vectorizing import vectorize as vectorize
    from gradax.numpy.windows import bartlett as bartlett
    from gradax.numpy.windows import blackman as blackman
    from gradax.numpy.windows import hamming as hamming
    from gradax.numpy.windows import hanning as hanning
    from gradax.numpy.windows import kaiser as kaiser

_EXPORTS = """
    gradax.dtypes: bfloat16 bool_ complex64 complex128 complex_ complexfloating finfo float4_e2m1fn
        float6_e2m3fn float6_e3m2fn float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn
        float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float16 float32 float64 float_
        floating generic iinfo inexact int1 int2 int4 int8 int16 int32 int64 int_ integer isdtype
        issubdtype number promote_types result_type signedinteger uint uint1 uint2 uint4 uint8
        uint16 uint32 uint64 unsignedinteger
    gradax.numpy.arithmetic: abs absolute add around cbrt ceil conj conjugate divide divmod fabs
        float_power floor floor_divide fmax fmin fmod imag maximum minimum mod multiply negative
        positive pow power real reciprocal remainder rint round sign sqrt square subtract
        true_divide trunc
    gradax.numpy.constants: ComplexWarning bool can_cast cdouble character csingle double dtype e
        euler_gamma flexible index_exp inf iterable nan ndarray newaxis object_ pi s_ single
    gradax.numpy.creation: array asarray copy empty empty_like from_dlpack frombuffer fromfile
        fromfunction fromiter fromstring full full_like load ones ones_like save savez zeros
        zeros_like
    gradax.numpy.cumulative: cumprod cumsum cumulative_prod cumulative_sum diff ediff1d gradient
        nancumprod nancumsum trapezoid
    gradax.numpy.editing: delete fill_diagonal insert place put put_along_axis
    gradax.numpy.einsum: einsum einsum_path
    gradax.numpy.elementary: acos acosh angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh
        asin asinh atan atan2 atanh copysign cos cosh deg2rad degrees exp exp2 expm1 frexp heaviside
        hypot i0 ldexp log log1p log2 log10 logaddexp logaddexp2 modf nextafter rad2deg radians
        signbit sin sinc sinh spacing tan tanh
    gradax.numpy.grids: c_ mgrid ogrid r_
    gradax.numpy.histograms: bincount corrcoef cov histogram histogram2d histogram_bin_edges
        histogramdd
    gradax.numpy.integers: gcd lcm packbits unpackbits
    gradax.numpy.joining: append array_split block column_stack concat concatenate dsplit dstack
        hsplit hstack repeat resize roll split stack tile trim_zeros unstack vsplit vstack
    gradax.numpy.logic: allclose array_equal array_equiv bitwise_and bitwise_count bitwise_invert
        bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor clip equal greater
        greater_equal invert isclose iscomplex iscomplexobj isfinite isinf isnan isneginf isposinf
        isreal isrealobj isscalar left_shift less less_equal logical_and logical_not logical_or
        logical_xor nan_to_num not_equal piecewise right_shift select
    gradax.numpy.missing: nanargmax nanargmin nanmax nanmean nanmin nanprod nanstd nansum nanvar
    gradax.numpy.padding: pad
    gradax.numpy.polynomials: poly polyadd polyder polydiv polyfit polyint polymul polysub polyval
        roots
    gradax.numpy.printing: array_repr array_str get_printoptions printoptions set_printoptions
    gradax.numpy.products: cross dot inner kron matmul matvec outer tensordot trace vdot vecdot
        vecmat
    gradax.numpy.ranges: arange diag diag_indices diag_indices_from diagflat diagonal eye geomspace
        identity indices linspace logspace mask_indices meshgrid tri tril tril_indices
        tril_indices_from triu triu_indices triu_indices_from vander
    gradax.numpy.reductions: all amax amin any argmax argmin average count_nonzero max mean min prod
        ptp std sum var
    gradax.numpy.sets: intersect1d isin setdiff1d setxor1d union1d unique unique_all unique_counts
        unique_inverse unique_values
    gradax.numpy.shaping: astype atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_shapes
        broadcast_to expand_dims flip fliplr flipud matrix_transpose moveaxis ndim permute_dims
        ravel reshape rollaxis rot90 shape size squeeze swapaxes transpose
    gradax.numpy.signals: convolve correlate interp unwrap
    gradax.numpy.sorting: argpartition argsort digitize lexsort partition searchsorted sort
        sort_complex
    gradax.numpy.statistics: median nanmedian nanpercentile nanquantile percentile quantile
    gradax.numpy.taking: argwhere choose compress extract flatnonzero ix_ nonzero ravel_multi_index
        take take_along_axis unravel_index where
    gradax.numpy.ufuncs: frompyfunc ufunc
    gradax.numpy.vectorizing: apply_along_axis apply_over_axes vectorize
    gradax.numpy.windows: bartlett blackman hamming hanning kaiser
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, modules="fft linalg")
