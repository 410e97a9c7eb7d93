"""The `daydream` command: a thin client of `/api/v1`."""
