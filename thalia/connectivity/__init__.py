"""Plan to arrays: who connects to whom, with which weight and delay."""
