"""The colours of the world, as 8-bit RGB.

The renderer paints with them and the checker recognises by them, so they stand in one place. Colours that a prompt can
name are kept far enough apart that a picture softened by the autoencoder still has only one reading.
"""

from dataclasses import dataclass

from models.world import Background, Colour, Ground, Season, Time

RGB = tuple[int, int, int]

PAINT: dict[Colour, RGB] = {
    Colour.RED: (212, 46, 48),
    Colour.ORANGE: (240, 134, 34),
    Colour.YELLOW: (250, 210, 56),
    Colour.GREEN: (44, 156, 78),
    Colour.BLUE: (44, 104, 214),
    Colour.PURPLE: (128, 66, 178),
    Colour.PINK: (242, 128, 178),
    Colour.WHITE: (250, 248, 243),
}

BACKDROP: dict[Background, RGB] = {
    Background.WHITE: (246, 245, 241),
    Background.BLACK: (26, 28, 36),
    Background.GREY: (150, 154, 162),
    Background.RED: (204, 66, 62),
    Background.YELLOW: (246, 212, 92),
    Background.GREEN: (76, 162, 98),
    Background.BLUE: (58, 112, 206),
    Background.PURPLE: (124, 82, 172),
    Background.PINK: (240, 160, 192),
}

Stops = tuple[RGB, ...]

SKY: dict[Time, Stops] = {
    Time.DAY: ((112, 172, 212), (166, 208, 228), (226, 238, 236)),
    Time.SUNSET: ((72, 92, 136), (182, 112, 140), (240, 152, 116), (252, 196, 118)),
    Time.NIGHT: ((16, 24, 48), (26, 42, 74), (54, 84, 116)),
}

RAINY: Stops = ((122, 134, 148), (150, 161, 171), (188, 196, 201))
RAINDROP: RGB = (222, 230, 238)
# From the outer edge of the arc to the inner one.
RAINBOW: Stops = ((226, 92, 88), (244, 168, 92), (250, 228, 124), (128, 196, 132), (96, 150, 216), (150, 116, 196))
BIRD: dict[Time, RGB] = {Time.DAY: (44, 58, 80), Time.SUNSET: (50, 34, 56), Time.NIGHT: (8, 12, 22)}

LIGHT: dict[Time, RGB] = {Time.DAY: (255, 226, 96), Time.SUNSET: (255, 236, 160), Time.NIGHT: (244, 241, 224)}
GLOW: dict[Time, RGB] = {Time.DAY: (255, 244, 196), Time.SUNSET: (255, 214, 140), Time.NIGHT: (120, 150, 176)}
CLOUD: dict[Time, RGB] = {Time.DAY: (252, 252, 250), Time.SUNSET: (250, 206, 186), Time.NIGHT: (60, 80, 110)}

# Far and near mountains.
MOUNTAIN: dict[Time, tuple[RGB, RGB]] = {
    Time.DAY: ((150, 176, 188), (122, 154, 168)),
    Time.SUNSET: ((134, 100, 138), (104, 82, 126)),
    Time.NIGHT: ((26, 40, 62), (20, 32, 52)),
}

RAINY_MOUNTAIN: tuple[RGB, RGB] = ((108, 122, 140), (86, 100, 118))

# From the farthest layer to the nearest; the sea from its horizon down to the picture's edge.
LAND: dict[tuple[Ground, Time], Stops] = {
    (Ground.HILLS, Time.DAY): ((146, 194, 132), (104, 168, 108), (64, 134, 88)),
    (Ground.HILLS, Time.SUNSET): ((150, 132, 92), (104, 112, 82), (64, 84, 72)),
    (Ground.HILLS, Time.NIGHT): ((38, 74, 76), (30, 64, 66), (24, 54, 58)),
    (Ground.SEA, Time.DAY): ((122, 184, 200), (68, 144, 172), (36, 106, 140)),
    (Ground.SEA, Time.SUNSET): ((214, 136, 118), (140, 106, 122), (44, 84, 112)),
    (Ground.SEA, Time.NIGHT): ((46, 92, 112), (24, 58, 82), (12, 32, 54)),
    (Ground.DESERT, Time.DAY): ((238, 204, 150), (222, 172, 112), (202, 142, 84)),
    (Ground.DESERT, Time.SUNSET): ((222, 150, 104), (190, 112, 76), (146, 78, 58)),
    (Ground.DESERT, Time.NIGHT): ((112, 98, 100), (90, 76, 82), (66, 56, 66)),
    (Ground.SNOW, Time.DAY): ((206, 224, 236), (226, 238, 244), (244, 249, 250)),
    (Ground.SNOW, Time.SUNSET): ((206, 178, 196), (226, 204, 212), (242, 226, 226)),
    (Ground.SNOW, Time.NIGHT): ((122, 150, 174), (166, 190, 206), (210, 226, 234)),
}

# Hills by day outside summer.
SEASON: dict[Season, Stops] = {
    Season.SPRING: ((196, 224, 128), (158, 206, 96), (116, 176, 74)),
    Season.SUMMER: LAND[Ground.HILLS, Time.DAY],
    Season.AUTUMN: ((214, 190, 96), (182, 158, 70), (134, 120, 56)),
}
CROWN: dict[Season, RGB] = {Season.SPRING: (250, 190, 210), Season.AUTUMN: (206, 96, 24)}
PETALS: Stops = ((226, 60, 62), (252, 214, 76), (250, 246, 240), (238, 122, 176))

HEADLAND: dict[Time, RGB] = {Time.DAY: (56, 106, 84), Time.SUNSET: (62, 68, 74), Time.NIGHT: (18, 44, 46)}
TREE: dict[Time, RGB] = {Time.DAY: (30, 88, 66), Time.SUNSET: (34, 66, 58), Time.NIGHT: (8, 26, 30)}
CACTUS: dict[Time, RGB] = {Time.DAY: (48, 124, 70), Time.SUNSET: (44, 92, 64), Time.NIGHT: (18, 58, 50)}
TRUNK: RGB = (84, 54, 44)
STAR: RGB = (232, 236, 240)
SNOWCAP: RGB = (240, 246, 248)
PANE: dict[Time, RGB] = {Time.DAY: (196, 224, 236), Time.SUNSET: (255, 214, 122), Time.NIGHT: (255, 206, 96)}
SAIL: dict[Time, RGB] = {Time.DAY: (252, 247, 236), Time.SUNSET: (254, 240, 220), Time.NIGHT: (220, 226, 226)}
STRIPE: tuple[RGB, RGB] = ((248, 245, 238), (204, 62, 56))
DARK: RGB = (58, 42, 44)


@dataclass(frozen=True, kw_only=True)
class House:
    """The paint of one house, all of it derived from the colour that the prompt names."""

    wall: RGB
    roof: RGB


def house(colour: Colour) -> House:
    """Walls in the named colour under a darker roof of the same hue; a white house gets a slate roof."""
    wall = PAINT[colour]
    roof = (96, 106, 124) if colour is Colour.WHITE else mix(wall, (40, 20, 40), 0.45)
    return House(wall=wall, roof=roof)


def land(ground: Ground, time: Time, season: Season) -> Stops:
    """The colours of the land's layers, from the farthest to the nearest."""
    return SEASON[season] if ground is Ground.HILLS and time is Time.DAY else LAND[ground, time]


def mix(one: RGB, other: RGB, share: float) -> RGB:
    """`one` with `share` of it replaced by `other`."""
    return tuple(round(a * (1 - share) + b * share) for a, b in zip(one, other, strict=True))  # type: ignore[return-value]
