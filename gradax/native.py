"""The typed face of the C++ extension; nothing else imports `gradax._native`."""

import os

from gradax._native import Array as Array
from gradax._native import Callback as Callback
from gradax._native import Code as Code
from gradax._native import DictKey as DictKey
from gradax._native import Executable as Executable
from gradax._native import FlattenedIndexKey as FlattenedIndexKey
from gradax._native import GetAttrKey as GetAttrKey
from gradax._native import InvalidModule as InvalidModule
from gradax._native import JitFunction as JitFunction
from gradax._native import Operator as Operator
from gradax._native import PyTreeDef as PyTreeDef
from gradax._native import SequenceKey as SequenceKey
from gradax._native import all_leaves as all_leaves
from gradax._native import array_from_dlpack as array_from_dlpack
from gradax._native import array_view as array_view
from gradax._native import assembly as assembly
from gradax._native import available_memory as available_memory
from gradax._native import avoid_fast_path as avoid_fast_path
from gradax._native import avoid_fast_path_everywhere as avoid_fast_path_everywhere
from gradax._native import call_kernel as call_kernel
from gradax._native import can_link as can_link
from gradax._native import describe_dlpack as describe_dlpack
from gradax._native import empty as empty
from gradax._native import finish_loading_llvm as finish_loading_llvm
from gradax._native import flatten_one_level as flatten_one_level
from gradax._native import flatten_one_level_with_keys as flatten_one_level_with_keys
from gradax._native import get_config_key as get_config_key
from gradax._native import get_hook as get_hook
from gradax._native import get_trace as get_trace
from gradax._native import has_fma as has_fma
from gradax._native import inline_limit_ns as inline_limit_ns
from gradax._native import is_node_type as is_node_type
from gradax._native import live_arrays as live_arrays
from gradax._native import load_llvm as load_llvm
from gradax._native import memory_stats as memory_stats
from gradax._native import num_threads as num_threads
from gradax._native import object_code as object_code
from gradax._native import processor as processor
from gradax._native import processor_vendor as processor_vendor
from gradax._native import processors as processors
from gradax._native import read_grants as read_grants
from gradax._native import register_dataclass as register_dataclass
from gradax._native import register_node as register_node
from gradax._native import reset_peak_memory as reset_peak_memory
from gradax._native import same_signature as same_signature
from gradax._native import set_blas_single_threaded as set_blas_single_threaded
from gradax._native import set_cache_limit as set_cache_limit
from gradax._native import set_config_key as set_config_key
from gradax._native import set_default_config_key as set_default_config_key
from gradax._native import set_error_class as set_error_class
from gradax._native import set_hook as set_hook
from gradax._native import set_inline_limit_ns as set_inline_limit_ns
from gradax._native import set_num_threads as set_num_threads
from gradax._native import set_num_threads_here as set_num_threads_here
from gradax._native import set_package_folder as set_package_folder
from gradax._native import set_routine as set_routine
from gradax._native import set_scalar_avals as set_scalar_avals
from gradax._native import set_trace as set_trace
from gradax._native import set_tree_hooks as set_tree_hooks
from gradax._native import symbols as symbols
from gradax._native import synchronize as synchronize
from gradax._native import tree_flatten as tree_flatten
from gradax._native import tree_flatten_with_path as tree_flatten_with_path
from gradax._native import tree_leaves as tree_leaves
from gradax._native import tree_map as tree_map
from gradax._native import tree_structure as tree_structure
from gradax._native import treedef_tuple as treedef_tuple
from gradax._native import trim_memory as trim_memory
from gradax._native import vector_bytes as vector_bytes

# Error messages name the first line outside this folder as the user's.
set_package_folder(os.path.dirname(os.path.abspath(__file__)) + os.sep)
