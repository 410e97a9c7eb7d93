"""The routes beside Flask: whatever waits or streams. They resolve the session or the key themselves."""
