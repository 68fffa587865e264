"""The C++ compiler, and the cache of what was compiled."""
