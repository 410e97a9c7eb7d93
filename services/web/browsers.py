"""What a browser calls itself, in words one knows. Only to recognise one's own: anybody can call theirs anything."""

from typing import Final

# The order matters: most browsers also claim to be those further down.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_MOST_CHARS: Final = 60


def words(user_agent: str) -> str:
    """`Firefox on Linux`; what it calls itself, cut, where that is no browser known here."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    cut = user_agent if len(user_agent) <= _MOST_CHARS else f"{user_agent[:_MOST_CHARS]}…"
    return cut or "A browser that gives no name"
