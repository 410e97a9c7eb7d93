"""Lays images with their captions out on one sheet."""

import textwrap
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

COLUMNS = 6
WIDTH = 158
TEXT = 52
MARGIN = 8
PAPER, INK, RED = (250, 248, 244), (40, 44, 60), (178, 46, 40)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One image.

    caption: what was asked for.
    mark: what is wrong with it; empty where nothing is.
    """

    image: Image.Image
    caption: str
    mark: str = ""


def draw_sheet(tiles: list[Tile]) -> Image.Image:
    """All tiles in rows, each with its caption below and its mark in red below that."""
    rows = -(-len(tiles) // COLUMNS)
    high = 128 + TEXT + MARGIN
    sheet = Image.new("RGB", (COLUMNS * WIDTH + MARGIN, rows * high + MARGIN), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for number, tile in enumerate(tiles):
        x = MARGIN + number % COLUMNS * WIDTH
        y = MARGIN + number // COLUMNS * high
        sheet.paste(tile.image, (x, y))
        lines = textwrap.wrap(tile.caption, 30)[: 3 if tile.mark else 4]
        for i, line in enumerate(lines):
            draw.text((x, y + 131 + 12 * i), line, INK, font)
        if tile.mark:
            draw.text((x, y + 131 + 12 * len(lines)), textwrap.shorten(tile.mark, 30, placeholder=" …"), RED, font)
    return sheet
