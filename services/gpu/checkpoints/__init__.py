"""Folders, single files and hub ids: found, checked before they are read, and loaded."""
