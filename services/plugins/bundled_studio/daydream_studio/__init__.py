"""Plugins that have pictures drawn by the studio, for whoever is signed in. See "Plugins that draw" in docs/plugins.md.

What they share is in `drawing_forms`. They are loaded where the host is connected with a studio.
"""

from . import image_to_image, prompt_matrix, text_to_image

__all__ = ["image_to_image", "prompt_matrix", "text_to_image"]
