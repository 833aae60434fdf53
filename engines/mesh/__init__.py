"""The instant engine: a persona from one portrait, on MediaPipe's face mesh, without training."""

from mien.engines.mesh.engine import MeshEngine
from mien.engines.mesh.neutralise import neutralise

__all__ = ["MeshEngine", "neutralise"]
