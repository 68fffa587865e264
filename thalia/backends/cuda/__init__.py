"""The GPU backend: one compiled CUDA program per circuit structure."""
