"""Accounts, sessions, API keys and tokens; knows nothing of images or queues."""
