"""The instant engine: a persona from one portrait, on MediaPipe's face mesh, without training."""
