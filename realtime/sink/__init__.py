"""Where marked frames go: a virtual camera, a file, OBS, the preview page, nowhere."""
