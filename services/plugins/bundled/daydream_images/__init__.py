"""Plugins for pictures, which go with what the studio makes: they convert, resize, lay out, analyse and show them.

They know nothing of Daydream but the contract of plugins. What they share is in `pictures` and `processing`.
"""

from . import contact_sheet, image_convert, image_resize, image_viewer, palette, palette_chart

__all__ = ["contact_sheet", "image_convert", "image_resize", "image_viewer", "palette", "palette_chart"]
