"""The compiler: jaxpr, graph, schedule, LLVM, executable."""

from gradax.compiler.options import Options as Options
from gradax.compiler.pipeline import Compilation as Compilation
from gradax.compiler.pipeline import program_text as program_text
from gradax.compiler.pipeline import run_pipeline as run_pipeline
from gradax.compiler.program import compile_program as compile_program
from gradax.compiler.program import default_options as default_options
