"""Measures of a swap: whose face is in the picture, and did the driver's motion arrive."""

from mien.engines.measure.identity import FaceIdentity
from mien.engines.measure.motion import ChannelMotion, MotionReport, compare_motion

__all__ = ["ChannelMotion", "FaceIdentity", "MotionReport", "compare_motion"]
