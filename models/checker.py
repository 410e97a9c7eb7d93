"""Says for each attribute of a picture whether an image shows it.

It recognises by the palette and by templates, knows nothing of how the image was made, and counts everything there must
be one of, so that a second sun, moon or house is a failure.
"""

from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.forms import draw_form
from models.palette import BACKDROP, PAINT, RGB
from models.renderer import RADIUS, layout
from models.scene_checker import check_scene
from models.vision import Blob, Pixels, blobs, eroded
from models.world import Colour, Form, Pair, Picture, Relation, Scene, Several, Shape, Single, generator

Name = TypeVar("Name")

LIKENESS = 0.66  # the least overlap with a form's template
TEMPLATE = 32


def check(image: Image.Image, picture: Picture) -> dict[str, bool]:
    """Each attribute that `picture` settles, and whether `image` (128×128, RGB) shows it."""
    pixels = np.asarray(image.convert("RGB"))
    if isinstance(picture, Scene):
        return check_scene(pixels, picture)
    border = np.concatenate([pixels[:3].reshape(-1, 3), pixels[-3:].reshape(-1, 3)])
    verdict = {"background": _nearest(np.median(border, axis=0), BACKDROP) is picture.background}
    found = _shapes(pixels)
    match picture:
        case Single():
            verdict |= _check_single(pixels, found, picture)
        case Several():
            verdict["count"] = len(found) == picture.count
            verdict["form"] = bool(found) and all(_form(blob) is picture.shape.form for blob in found)
            verdict["colour"] = bool(found) and all(_colour(pixels, blob) is picture.shape.colour for blob in found)
        case Pair():
            verdict |= _check_pair(pixels, found, picture)
    return verdict


def _check_single(pixels: Pixels, found: list[Blob], picture: Single) -> dict[str, bool]:
    verdict = dict.fromkeys(("count", "form", "colour", "size", "place"), False)
    verdict["count"] = len(found) == 1
    if not found:
        return verdict
    blob, side = found[0], len(pixels)
    verdict["form"] = _form(blob) is picture.shape.form
    verdict["colour"] = _colour(pixels, blob) is picture.shape.colour
    half_width = _half_width(picture.shape.form)
    radius = blob.width / (2 * side * half_width)
    verdict["size"] = min(RADIUS, key=lambda size: abs(np.log(RADIUS[size] / radius))) is picture.size
    _, x, y, _ = layout(picture, generator("place"))[0]
    across, down = blob.centre
    verdict["place"] = max(abs(across / side - x), abs(down / side - y)) < 0.1
    return verdict


def _check_pair(pixels: Pixels, found: list[Blob], picture: Pair) -> dict[str, bool]:
    verdict = dict.fromkeys(("count", "form", "colour", "relation"), False)
    verdict["count"] = len(found) == 2
    if len(found) < 2:
        return verdict
    shapes = [(_form(blob), _colour(pixels, blob)) for blob in found[:2]]
    # The two differ in form and colour; whichever order fits better says which of them is the first.
    straight = _alike(shapes[0], picture.first) + _alike(shapes[1], picture.second)
    crossed = _alike(shapes[1], picture.first) + _alike(shapes[0], picture.second)
    first, second = (0, 1) if straight >= crossed else (1, 0)
    seen = ((shapes[first], picture.first), (shapes[second], picture.second))
    verdict["form"] = all(form is shape.form for (form, _), shape in seen)
    verdict["colour"] = all(colour is shape.colour for (_, colour), shape in seen)
    (x, y), (u, v) = found[first].centre, found[second].centre
    apart = {
        Relation.LEFT_OF: u - x,
        Relation.RIGHT_OF: x - u,
        Relation.ABOVE: v - y,
        Relation.BELOW: y - v,
    }[picture.relation]
    verdict["relation"] = apart > max(abs(u - x), abs(v - y)) * 0.8
    return verdict


def _alike(seen: tuple[Form | None, Colour], shape: Shape) -> int:
    return (seen[0] is shape.form) + (seen[1] is shape.colour)


def _shapes(pixels: Pixels) -> list[Blob]:
    """What differs from the background, each cut by its own contrast so that soft edges do not thicken it."""
    edges = np.concatenate([pixels[:, :3], pixels[:, -3:]], axis=1)
    # The background changes from row to row, and shows at both edges.
    rows = np.median(edges, axis=1)[:, None, :]
    contrast = np.abs(pixels.astype(float) - rows).max(axis=2)
    found = []
    for blob in blobs(contrast > 34, 20):
        box = np.where(blob.mask, contrast[blob.top : blob.top + blob.height, blob.left : blob.left + blob.width], 0)
        cut = 0.4 * float(np.percentile(box[blob.mask], 80))
        for core in blobs(box > max(cut, 34), 20)[:1]:
            found.append(Blob(mask=core.mask, left=blob.left + core.left, top=blob.top + core.top))
    return found


def _nearest(colour: NDArray[np.float64], palette: dict[Name, RGB]) -> Name:
    return min(palette, key=lambda name: float(np.abs(colour - np.array(palette[name])).sum()))


def _colour(pixels: Pixels, blob: Blob) -> Colour:
    box = pixels[blob.top : blob.top + blob.height, blob.left : blob.left + blob.width]
    inner = eroded(np.pad(blob.mask, 1))[1:-1, 1:-1]
    chosen = inner if inner.sum() >= 8 else blob.mask
    return _nearest(np.median(box[chosen], axis=0), PAINT)


def _form(blob: Blob) -> Form | None:
    """The form whose template the blob covers best, or None where none fits."""
    mask = Image.fromarray(blob.mask.astype(np.uint8) * 255).resize((TEMPLATE, TEMPLATE), Image.Resampling.BOX)
    shape = np.asarray(mask, dtype=float) / 255
    likeness = {form: _overlap(shape, template) for form, (template, _) in _templates().items()}
    best = max(likeness, key=lambda form: likeness[form])
    return best if likeness[best] >= LIKENESS else None


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())


def _half_width(form: Form) -> float:
    return _templates()[form][1]


@cache
def _templates() -> dict[Form, tuple[NDArray[np.float64], float]]:
    """Every form cut to its box and scaled, and its half width as a share of its radius."""
    templates = {}
    for form in Form:
        canvas = Image.new("RGB", (512, 512))
        draw_form(ImageDraw.Draw(canvas), form, (256, 256), 200, (255, 255, 255))
        single = canvas.getchannel(0)
        box = single.getbbox()
        if box is None:
            raise AssertionError(f"{form} draws nothing")
        cut = single.crop(box).resize((TEMPLATE, TEMPLATE), Image.Resampling.BOX)
        templates[form] = (np.asarray(cut, dtype=float) / 255, (box[2] - box[0]) / 400)
    return templates
