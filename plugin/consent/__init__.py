"""What consent needs of a running Mien: the session before the camera, and the watch while a persona is shown."""
