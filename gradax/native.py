"""The typed face of the C++ extension; nothing else imports `gradax._native`."""

from gradax._native import *  # noqa: F403
