"""The commands of `mien`, one module each. They use the Python API of `mien.plugin`, as anybody may."""
