"""A plugin that cannot be loaded."""

raise RuntimeError("it was never finished")
