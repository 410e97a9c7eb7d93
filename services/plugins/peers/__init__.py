"""The services that the host asks, as the rest of it knows them. Only the serving process has them, never a worker."""
