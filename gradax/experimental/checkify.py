"""Checks in programs that are compiled: `jax.experimental.checkify`'s names."""

from gradax.api.checkify import Error as Error
from gradax.api.checkify import ErrorCategory as ErrorCategory
from gradax.api.checkify import all_checks as all_checks
from gradax.api.checkify import automatic_checks as automatic_checks
from gradax.api.checkify import check as check
from gradax.api.checkify import check_error as check_error
from gradax.api.checkify import checkify as checkify
from gradax.api.checkify import debug_check as debug_check
from gradax.api.checkify import div_checks as div_checks
from gradax.api.checkify import float_checks as float_checks
from gradax.api.checkify import index_checks as index_checks
from gradax.api.checkify import init_error as init_error
from gradax.api.checkify import nan_checks as nan_checks
from gradax.api.checkify import user_checks as user_checks
from gradax.errors import CheckError as CheckError
from gradax.errors import DivisionByZeroError as DivisionByZeroError
from gradax.errors import FailedCheckError as FailedCheckError
from gradax.errors import NaNError as NaNError
from gradax.errors import OOBError as OOBError

JaxRuntimeError = CheckError
