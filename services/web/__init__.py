"""The gateway: pages, the HTTP API and event streams. Owns no data; a client of auth and tasks."""
