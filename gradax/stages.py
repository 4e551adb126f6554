"""The stages of a jitted function under their public names: traced, lowered, compiled."""

from gradax.api.stages import ArgInfo as ArgInfo
from gradax.api.stages import Compiled as Compiled
from gradax.api.stages import CompilerOptions as CompilerOptions
from gradax.api.stages import Lowered as Lowered
from gradax.api.stages import MemoryAnalysis as MemoryAnalysis
from gradax.api.stages import Traced as Traced
from gradax.api.stages import Wrapped as Wrapped
