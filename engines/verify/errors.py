"""What ends a verification before it has an answer."""

from __future__ import annotations

from mien.realtime.errors import MienError


class VerifyError(MienError, ValueError):
    """What was given cannot be looked at: missing, no picture or video, too large, or without one picture.

    What is wrong with a file that can be looked at stands in the report instead.
    """

    #: As for any source that cannot be read.
    exit_code = 3
