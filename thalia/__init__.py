"""Thalia."""
