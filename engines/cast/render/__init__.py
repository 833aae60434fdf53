"""The renderer: Warp kernels, one source for CPU and CUDA."""
