"""The compiler: jaxpr, graph, schedule, LLVM, executable.

This page loads what a program needs whose code is on the disk already; `building` has the rest.
"""

from gradax.compiler.options import Options as Options
from gradax.compiler.program import OpenCode as OpenCode
from gradax.compiler.program import compile_program as compile_program
from gradax.compiler.program import default_options as default_options
from gradax.compiler.program import identify as identify
