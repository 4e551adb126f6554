"""The operations, as functions: `jax.lax`'s names.

First-order operations live in this package, those over programs in `gradax.control`, which stands
above it: this page alone imports both.
"""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.api.resharding import with_sharding_constraint as with_sharding_constraint
    from gradax.control.associative import associative_scan as associative_scan
    from gradax.control.composite import composite as composite
    from gradax.control.composite import platform_dependent as platform_dependent
    from gradax.control.cond import cond as cond
    from gradax.control.cond import switch as switch
    from gradax.control.custom_root import custom_root as custom_root
    from gradax.control.linear_solve import custom_linear_solve as custom_linear_solve
    from gradax.control.mapping import map as map
    from gradax.control.scan import scan as scan
    from gradax.control.while_loop import fori_loop as fori_loop
    from gradax.control.while_loop import while_loop as while_loop
    from gradax.lax import linalg as linalg
    from gradax.lax.arithmetic import add as add
    from gradax.lax.arithmetic import div as div
    from gradax.lax.arithmetic import integer_pow as integer_pow
    from gradax.lax.arithmetic import max as max
    from gradax.lax.arithmetic import min as min
    from gradax.lax.arithmetic import mul as mul
    from gradax.lax.arithmetic import neg as neg
    from gradax.lax.arithmetic import rem as rem
    from gradax.lax.arithmetic import sub as sub
    from gradax.lax.barriers import optimization_barrier as optimization_barrier
    from gradax.lax.barriers import stop_gradient as stop_gradient
    from gradax.lax.bits import bitwise_and as bitwise_and
    from gradax.lax.bits import bitwise_not as bitwise_not
    from gradax.lax.bits import bitwise_or as bitwise_or
    from gradax.lax.bits import bitwise_xor as bitwise_xor
    from gradax.lax.bits import clz as clz
    from gradax.lax.bits import mulhi as mulhi
    from gradax.lax.bits import population_count as population_count
    from gradax.lax.bits import shift_left as shift_left
    from gradax.lax.bits import shift_right_arithmetic as shift_right_arithmetic
    from gradax.lax.bits import shift_right_logical as shift_right_logical
    from gradax.lax.comparison import clamp as clamp
    from gradax.lax.comparison import eq as eq
    from gradax.lax.comparison import ge as ge
    from gradax.lax.comparison import gt as gt
    from gradax.lax.comparison import le as le
    from gradax.lax.comparison import lt as lt
    from gradax.lax.comparison import ne as ne
    from gradax.lax.comparison import select as select
    from gradax.lax.comparison import select_n as select_n
    from gradax.lax.complex_parts import complex as complex
    from gradax.lax.complex_parts import conj as conj
    from gradax.lax.complex_parts import imag as imag
    from gradax.lax.complex_parts import real as real
    from gradax.lax.conv_patches import conv_general_dilated_local as conv_general_dilated_local
    from gradax.lax.conv_patches import conv_general_dilated_patches as conv_general_dilated_patches
    from gradax.lax.conv_shapes import ConvDimensionNumbers as ConvDimensionNumbers
    from gradax.lax.conv_shapes import (
        ConvGeneralDilatedDimensionNumbers as ConvGeneralDilatedDimensionNumbers,
    )
    from gradax.lax.conv_shapes import conv_dimension_numbers as conv_dimension_numbers
    from gradax.lax.conv_shapes import conv_general_permutations as conv_general_permutations
    from gradax.lax.conv_shapes import conv_general_shape_tuple as conv_general_shape_tuple
    from gradax.lax.conv_shapes import conv_shape_tuple as conv_shape_tuple
    from gradax.lax.conv_shapes import conv_transpose_shape_tuple as conv_transpose_shape_tuple
    from gradax.lax.conv_shapes import padtype_to_pads as padtype_to_pads
    from gradax.lax.convert import bitcast_convert_type as bitcast_convert_type
    from gradax.lax.convert import convert_element_type as convert_element_type
    from gradax.lax.convolution import conv as conv
    from gradax.lax.convolution import conv_general_dilated as conv_general_dilated
    from gradax.lax.convolution import conv_transpose as conv_transpose
    from gradax.lax.convolution import conv_with_general_padding as conv_with_general_padding
    from gradax.lax.creation import broadcasted_iota as broadcasted_iota
    from gradax.lax.creation import empty as empty
    from gradax.lax.creation import full as full
    from gradax.lax.creation import full_like as full_like
    from gradax.lax.creation import iota as iota
    from gradax.lax.cumulative import cumlogsumexp as cumlogsumexp
    from gradax.lax.cumulative import cummax as cummax
    from gradax.lax.cumulative import cummin as cummin
    from gradax.lax.cumulative import cumprod as cumprod
    from gradax.lax.cumulative import cumsum as cumsum
    from gradax.lax.dot import DotDimensionNumbers as DotDimensionNumbers
    from gradax.lax.dot import batch_matmul as batch_matmul
    from gradax.lax.dot import dot as dot
    from gradax.lax.dot import dot_general as dot_general
    from gradax.lax.dynamic_slicing import dynamic_index_in_dim as dynamic_index_in_dim
    from gradax.lax.dynamic_slicing import dynamic_slice as dynamic_slice
    from gradax.lax.dynamic_slicing import dynamic_slice_in_dim as dynamic_slice_in_dim
    from gradax.lax.dynamic_slicing import (
        dynamic_update_index_in_dim as dynamic_update_index_in_dim,
    )
    from gradax.lax.dynamic_slicing import dynamic_update_slice as dynamic_update_slice
    from gradax.lax.dynamic_slicing import (
        dynamic_update_slice_in_dim as dynamic_update_slice_in_dim,
    )
    from gradax.lax.elementary import cbrt as cbrt
    from gradax.lax.elementary import exp as exp
    from gradax.lax.elementary import exp2 as exp2
    from gradax.lax.elementary import expm1 as expm1
    from gradax.lax.elementary import log as log
    from gradax.lax.elementary import log1p as log1p
    from gradax.lax.elementary import logistic as logistic
    from gradax.lax.elementary import pow as pow
    from gradax.lax.elementary import reciprocal as reciprocal
    from gradax.lax.elementary import rsqrt as rsqrt
    from gradax.lax.elementary import sqrt as sqrt
    from gradax.lax.elementary import square as square
    from gradax.lax.fft import FftType as FftType
    from gradax.lax.fft import fft as fft
    from gradax.lax.folding import reduce as reduce
    from gradax.lax.folding import reduce_window as reduce_window
    from gradax.lax.folding import reduce_window_shape_tuple as reduce_window_shape_tuple
    from gradax.lax.gamma import digamma as digamma
    from gradax.lax.gamma import lgamma as lgamma
    from gradax.lax.gamma import polygamma as polygamma
    from gradax.lax.gamma import zeta as zeta
    from gradax.lax.gathering import gather as gather
    from gradax.lax.gathering import index_take as index_take
    from gradax.lax.incomplete import betainc as betainc
    from gradax.lax.incomplete import igamma as igamma
    from gradax.lax.incomplete import igamma_grad_a as igamma_grad_a
    from gradax.lax.incomplete import igammac as igammac
    from gradax.lax.incomplete import random_gamma_grad as random_gamma_grad
    from gradax.lax.joining import concatenate as concatenate
    from gradax.lax.joining import split as split
    from gradax.lax.joining import stack as stack
    from gradax.lax.joining import tile as tile
    from gradax.lax.joining import unstack as unstack
    from gradax.lax.lifting import after_all as after_all
    from gradax.lax.lifting import broadcast_like as broadcast_like
    from gradax.lax.lifting import create_token as create_token
    from gradax.lax.lifting import dtype as dtype
    from gradax.lax.lifting import shape_as_value as shape_as_value
    from gradax.lax.lifting import stage as stage
    from gradax.lax.parallel import all_gather as all_gather
    from gradax.lax.parallel import all_to_all as all_to_all
    from gradax.lax.parallel import axis_index as axis_index
    from gradax.lax.parallel import axis_size as axis_size
    from gradax.lax.parallel import pbroadcast as pbroadcast
    from gradax.lax.parallel import pcast as pcast
    from gradax.lax.parallel import pmax as pmax
    from gradax.lax.parallel import pmean as pmean
    from gradax.lax.parallel import pmin as pmin
    from gradax.lax.parallel import ppermute as ppermute
    from gradax.lax.parallel import pshuffle as pshuffle
    from gradax.lax.parallel import psum as psum
    from gradax.lax.parallel import psum_scatter as psum_scatter
    from gradax.lax.parallel import pswapaxes as pswapaxes
    from gradax.lax.placement import GatherDimensionNumbers as GatherDimensionNumbers
    from gradax.lax.placement import GatherScatterMode as GatherScatterMode
    from gradax.lax.placement import ScatterDimensionNumbers as ScatterDimensionNumbers
    from gradax.lax.precision import AccuracyMode as AccuracyMode
    from gradax.lax.precision import DotAlgorithm as DotAlgorithm
    from gradax.lax.precision import DotAlgorithmPreset as DotAlgorithmPreset
    from gradax.lax.precision import Precision as Precision
    from gradax.lax.precision import PrecisionLike as PrecisionLike
    from gradax.lax.precision import Tolerance as Tolerance
    from gradax.lax.primitives import *  # noqa: F403  one for each operation
    from gradax.lax.ragged import RaggedDotDimensionNumbers as RaggedDotDimensionNumbers
    from gradax.lax.ragged import ragged_dot as ragged_dot
    from gradax.lax.ragged import ragged_dot_general as ragged_dot_general
    from gradax.lax.random_bits import RandomAlgorithm as RandomAlgorithm
    from gradax.lax.random_bits import rng_bit_generator as rng_bit_generator
    from gradax.lax.random_bits import rng_uniform as rng_uniform
    from gradax.lax.reductions import argmax as argmax
    from gradax.lax.reductions import argmin as argmin
    from gradax.lax.reductions import reduce_and as reduce_and
    from gradax.lax.reductions import reduce_max as reduce_max
    from gradax.lax.reductions import reduce_min as reduce_min
    from gradax.lax.reductions import reduce_or as reduce_or
    from gradax.lax.reductions import reduce_prod as reduce_prod
    from gradax.lax.reductions import reduce_sum as reduce_sum
    from gradax.lax.reductions import reduce_xor as reduce_xor
    from gradax.lax.reshaping import broadcast as broadcast
    from gradax.lax.reshaping import broadcast_in_dim as broadcast_in_dim
    from gradax.lax.reshaping import broadcast_shapes as broadcast_shapes
    from gradax.lax.reshaping import broadcast_to_rank as broadcast_to_rank
    from gradax.lax.reshaping import collapse as collapse
    from gradax.lax.reshaping import expand_dims as expand_dims
    from gradax.lax.reshaping import reshape as reshape
    from gradax.lax.reshaping import squeeze as squeeze
    from gradax.lax.reshaping import transpose as transpose
    from gradax.lax.rounding import RoundingMethod as RoundingMethod
    from gradax.lax.rounding import abs as abs
    from gradax.lax.rounding import ceil as ceil
    from gradax.lax.rounding import floor as floor
    from gradax.lax.rounding import is_finite as is_finite
    from gradax.lax.rounding import nextafter as nextafter
    from gradax.lax.rounding import reduce_precision as reduce_precision
    from gradax.lax.rounding import round as round
    from gradax.lax.rounding import sign as sign
    from gradax.lax.scaled import scaled_dot as scaled_dot
    from gradax.lax.scattering import scatter as scatter
    from gradax.lax.scattering import scatter_add as scatter_add
    from gradax.lax.scattering import scatter_apply as scatter_apply
    from gradax.lax.scattering import scatter_max as scatter_max
    from gradax.lax.scattering import scatter_min as scatter_min
    from gradax.lax.scattering import scatter_mul as scatter_mul
    from gradax.lax.scattering import scatter_sub as scatter_sub
    from gradax.lax.slicing import index_in_dim as index_in_dim
    from gradax.lax.slicing import pad as pad
    from gradax.lax.slicing import rev as rev
    from gradax.lax.slicing import slice as slice
    from gradax.lax.slicing import slice_in_dim as slice_in_dim
    from gradax.lax.sorting import approx_max_k as approx_max_k
    from gradax.lax.sorting import approx_min_k as approx_min_k
    from gradax.lax.sorting import sort as sort
    from gradax.lax.sorting import sort_key_val as sort_key_val
    from gradax.lax.sorting import top_k as top_k
    from gradax.lax.special import bessel_i0e as bessel_i0e
    from gradax.lax.special import bessel_i1e as bessel_i1e
    from gradax.lax.special import erf as erf
    from gradax.lax.special import erf_inv as erf_inv
    from gradax.lax.special import erfc as erfc
    from gradax.lax.trigonometric import acos as acos
    from gradax.lax.trigonometric import acosh as acosh
    from gradax.lax.trigonometric import asin as asin
    from gradax.lax.trigonometric import asinh as asinh
    from gradax.lax.trigonometric import atan as atan
    from gradax.lax.trigonometric import atan2 as atan2
    from gradax.lax.trigonometric import atanh as atanh
    from gradax.lax.trigonometric import cos as cos
    from gradax.lax.trigonometric import cosh as cosh
    from gradax.lax.trigonometric import sin as sin
    from gradax.lax.trigonometric import sinh as sinh
    from gradax.lax.trigonometric import tan as tan
    from gradax.lax.trigonometric import tanh as tanh

_EXPORTS = """
    gradax.api.resharding: with_sharding_constraint
    gradax.lax.arithmetic: add div integer_pow max min mul neg rem sub
    gradax.lax.barriers: optimization_barrier stop_gradient
    gradax.lax.bits: bitwise_and bitwise_not bitwise_or bitwise_xor clz mulhi population_count
        shift_left shift_right_arithmetic shift_right_logical
    gradax.lax.comparison: clamp eq ge gt le lt ne select select_n
    gradax.lax.complex_parts: complex conj imag real
    gradax.lax.conv_patches: conv_general_dilated_local conv_general_dilated_patches
    gradax.lax.conv_shapes: ConvDimensionNumbers ConvGeneralDilatedDimensionNumbers
        conv_dimension_numbers conv_general_permutations conv_general_shape_tuple conv_shape_tuple
        conv_transpose_shape_tuple padtype_to_pads
    gradax.lax.convert: bitcast_convert_type convert_element_type
    gradax.lax.convolution: conv conv_general_dilated conv_transpose conv_with_general_padding
    gradax.lax.creation: broadcasted_iota empty full full_like iota
    gradax.lax.cumulative: cumlogsumexp cummax cummin cumprod cumsum
    gradax.lax.dot: DotDimensionNumbers batch_matmul dot dot_general
    gradax.lax.dynamic_slicing: dynamic_index_in_dim dynamic_slice dynamic_slice_in_dim
        dynamic_update_index_in_dim dynamic_update_slice dynamic_update_slice_in_dim
    gradax.lax.elementary: cbrt exp exp2 expm1 log log1p logistic pow reciprocal rsqrt sqrt square
    gradax.lax.fft: FftType fft
    gradax.lax.folding: reduce reduce_window reduce_window_shape_tuple
    gradax.lax.gamma: digamma lgamma polygamma zeta
    gradax.lax.gathering: gather index_take
    gradax.lax.lifting: after_all broadcast_like create_token dtype shape_as_value stage
    gradax.lax.incomplete: betainc igamma igamma_grad_a igammac random_gamma_grad
    gradax.lax.joining: concatenate split stack tile unstack
    gradax.lax.placement: GatherDimensionNumbers GatherScatterMode ScatterDimensionNumbers
    gradax.lax.precision: AccuracyMode DotAlgorithm DotAlgorithmPreset Precision PrecisionLike
        Tolerance
    gradax.lax.ragged: RaggedDotDimensionNumbers ragged_dot ragged_dot_general
    gradax.lax.random_bits: RandomAlgorithm rng_bit_generator rng_uniform
    gradax.lax.reductions: argmax argmin reduce_and reduce_max reduce_min reduce_or reduce_prod
        reduce_sum reduce_xor
    gradax.lax.reshaping: broadcast broadcast_in_dim broadcast_shapes broadcast_to_rank collapse
        expand_dims reshape squeeze transpose
    gradax.lax.rounding: RoundingMethod abs ceil floor is_finite nextafter reduce_precision round
        sign
    gradax.lax.scaled: scaled_dot
    gradax.lax.scattering: scatter scatter_add scatter_apply scatter_max scatter_min scatter_mul
        scatter_sub
    gradax.lax.slicing: index_in_dim pad rev slice slice_in_dim
    gradax.lax.sorting: approx_max_k approx_min_k sort sort_key_val top_k
    gradax.lax.special: bessel_i0e bessel_i1e erf erf_inv erfc
    gradax.lax.trigonometric: acos acosh asin asinh atan atan2 atanh cos cosh sin sinh tan tanh
    gradax.lax.parallel: all_gather all_to_all axis_index axis_size pbroadcast pcast pmax pmean
        pmin ppermute pshuffle psum psum_scatter pswapaxes
    gradax.lax.primitives: abs_p acos_p acosh_p add_p after_all_p all_gather_p all_to_all_p
        and_p approx_top_k_p argmax_p argmin_p asin_p asinh_p atan2_p atan_p atanh_p
        axis_index_p bessel_i0e_p bessel_i1e_p bitcast_convert_type_p broadcast_in_dim_p cbrt_p
        ceil_p clamp_p clz_p complex_p concatenate_p cond_p conj_p conv_general_dilated_p
        convert_element_type_p copy_p cos_p cosh_p create_token_p cumlogsumexp_p cummax_p
        cummin_p cumprod_p cumsum_p digamma_p div_p dot_general_p dynamic_slice_p
        dynamic_update_slice_p eq_p eq_to_p erf_inv_p erf_p erfc_p exp2_p exp_p expm1_p fft_p
        floor_p gather_p ge_p gt_p igamma_grad_a_p igamma_p igammac_p imag_p integer_pow_p
        iota_p is_finite_p le_p le_to_p lgamma_p linear_solve_p log1p_p log_p logistic_p lt_p
        lt_to_p max_p min_p mul_p mulhi_p ne_p neg_p nextafter_p not_p optimization_barrier_p
        or_p pad_p pmax_p pmin_p polygamma_p population_count_p pow_p ppermute_p psum_p real_p
        reduce_and_p reduce_max_p reduce_min_p reduce_or_p reduce_p reduce_precision_p
        reduce_prod_p reduce_sum_p reduce_window_max_p reduce_window_min_p reduce_window_p
        reduce_window_sum_p reduce_xor_p regularized_incomplete_beta_p rem_p reshape_p rev_p
        rng_bit_generator_p rng_uniform_p round_p rsqrt_p scan_p scatter_add_p scatter_max_p
        scatter_min_p scatter_mul_p scatter_p scatter_sub_p select_and_gather_add_p
        select_and_scatter_add_p select_n_p sharding_constraint_p shift_left_p
        shift_right_arithmetic_p shift_right_logical_p sign_p sin_p sinh_p slice_p sort_p
        split_p sqrt_p square_p squeeze_p stack_p stage_p stop_gradient_p sub_p tan_p tanh_p
        tile_p top_k_p transpose_p unstack_p while_p xor_p zeta_p
    gradax.control.cond: cond switch
    gradax.control.composite: composite platform_dependent
    gradax.control.custom_root: custom_root
    gradax.control.linear_solve: custom_linear_solve
    gradax.control.associative: associative_scan
    gradax.control.mapping: map
    gradax.control.scan: scan
    gradax.control.while_loop: fori_loop while_loop
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, "linalg")
