"""What every service stands on, a module a duty. Nothing here knows any one service."""
