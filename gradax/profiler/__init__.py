"""Profiles of programs: what was compiled and called when, and what memory holds.

A trace is a timeline in Chrome's format (chrome://tracing, ui.perfetto.dev); a profile of memory is
pprof's. Neither needs a server or an other package.
"""

from gradax.profiler.annotations import StepTraceAnnotation as StepTraceAnnotation
from gradax.profiler.annotations import TraceAnnotation as TraceAnnotation
from gradax.profiler.annotations import annotate_function as annotate_function
from gradax.profiler.data import ProfileData as ProfileData
from gradax.profiler.data import ProfileEvent as ProfileEvent
from gradax.profiler.data import ProfilePlane as ProfilePlane
from gradax.profiler.memory import device_memory_profile as device_memory_profile
from gradax.profiler.memory import save_device_memory_profile as save_device_memory_profile
from gradax.profiler.tracing import ProfileOptions as ProfileOptions
from gradax.profiler.tracing import register_subprocess as register_subprocess
from gradax.profiler.tracing import start_server as start_server
from gradax.profiler.tracing import start_trace as start_trace
from gradax.profiler.tracing import stop_server as stop_server
from gradax.profiler.tracing import stop_trace as stop_trace
from gradax.profiler.tracing import trace as trace
