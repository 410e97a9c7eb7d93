"""The plugin host under load: pages, tasks, event streams, and a file that is larger than its memory may be."""
