"""The default backend: one compiled C++ program per circuit structure."""
