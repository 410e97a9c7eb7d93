"""Helpers for the work that plugins have in common: entities, attributes, ZIP files, calling other plugins."""
