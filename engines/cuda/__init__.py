"""The CUDA path: kernels in `*.cu`, the table of their signatures, and the command that builds them for the wheel."""
