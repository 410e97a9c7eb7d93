"""Following tasks as they change, on whichever replica that happens."""
