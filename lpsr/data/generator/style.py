"""What a generated plate may look like: every quantity is a range that each plate draws its own value from."""

from dataclasses import dataclass, fields
from math import sqrt

import numpy as np

from lpsr.errors import InputError
from lpsr.plates import PROVINCES

KINDS = ("blue", "green", "mixed")


@dataclass(frozen=True)
class Range:
    """Values from ``low`` to ``high``: evenly spread, or most often near ``mode`` (triangular) where it is given."""

    low: float
    high: float
    mode: float | None = None

    def draw(self, rng: np.random.Generator) -> float:
        """One value. A range of one point gives that point; every draw advances ``rng`` alike."""
        u = rng.random()
        if self.mode is None or self.high <= self.low:
            return self.low + u * (self.high - self.low)
        split = (self.mode - self.low) / (self.high - self.low)
        if u < split:
            return self.low + sqrt(u * (self.high - self.low) * (self.mode - self.low))
        return self.high - sqrt((1 - u) * (self.high - self.low) * (self.high - self.mode))


def just(value: float) -> Range:
    """The range of one value."""
    return Range(value, value)


@dataclass(frozen=True)
class Style:
    """The ranges that plates are drawn from; the defaults resemble CCPD's crops. Angles in degrees.

    Attributes:
        kind: "blue", "green", or "mixed" (``green_share`` of the plates are green).
        province: the province character; None takes all 31 in turn.
        width: of the plate's bounding box, pixels.
        tilt: rotation in the picture plane. turn: about the upright axis. pitch: camera above (+) or below.
        margin_x, margin_y: surroundings on each side, as a share of the picture's width and height.
        exposure: factor on all light, 1 is normal. plate_light: factor on the reflective plate alone.
        warmth: −1 bluish to 1 yellowish. green_cast: −1 magenta to 1 green (CCPD's cameras drift far to green).
        haze: share of grey veil over the picture. saturation: factor on colour.
        light_slope: change of the light across the picture, as a share. shadow: depth of a cast shadow's edge.
        glare: strength of a bright reflection.
        dirt: 0 clean to 1 caked. wear: share of the characters' paint that is gone.
        fittings: probability of each extra (bolts, holder frame, badge, lamps).
        defocus: σ in pixels. motion: length of the motion blur in pixels. sharpening: the camera's own, factor.
        noise: σ in 8-bit levels. jpeg: the camera's quality; a value above 100 means none.

    Raises InputError for an unknown kind or province, or a width outside 24 to 1000 pixels.
    """

    kind: str = "blue"
    green_share: float = 0.15
    province: str | None = None
    width: Range = Range(95, 235, 147)
    tilt: Range = Range(-8, 8, 0)
    turn: Range = Range(-30, 30, 0)
    pitch: Range = Range(-8, 22, 4)
    margin_x: Range = Range(0.08, 0.17, 0.12)
    margin_y: Range = Range(0.15, 0.31, 0.23)
    exposure: Range = Range(0.4, 1.7, 1.05)
    plate_light: Range = Range(0.7, 1.8, 1.1)
    warmth: Range = Range(-0.6, 0.8, 0.05)
    green_cast: Range = Range(-0.25, 0.9, 0.05)
    haze: Range = Range(0.0, 0.3, 0.03)
    saturation: Range = Range(0.65, 1.75, 1.15)
    light_slope: Range = Range(0.0, 0.5, 0.1)
    shadow: Range = Range(-1.0, 0.6, 0.0)
    glare: Range = Range(-0.8, 0.5, 0.0)
    dirt: Range = Range(0.0, 0.7, 0.03)
    wear: Range = Range(0.0, 0.35, 0.03)
    fittings: float = 1.0
    defocus: Range = Range(0.3, 1.6, 0.55)
    motion: Range = Range(0.0, 4.5, 0.8)
    sharpening: Range = Range(0.0, 0.9, 0.3)
    noise: Range = Range(0.3, 5.0, 1.0)
    jpeg: Range = Range(25, 92, 55)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"There is no kind {self.kind!r} of plate; choose one of {', '.join(KINDS)}.")
        if self.province is not None and (len(self.province) != 1 or self.province not in PROVINCES):
            raise InputError(f"{self.province!r} is not a province; choose one of {PROVINCES}.")
        if not 24 <= self.width.low <= self.width.high <= 1000:
            raise InputError("The plate's width must stay between 24 and 1000 pixels.")

    def draw(self, rng: np.random.Generator) -> "Values":
        """One value of every range, drawn in the order of the fields."""
        ranges = {field.name: getattr(self, field.name) for field in fields(self)}
        return Values(**{name: value.draw(rng) for name, value in ranges.items() if isinstance(value, Range)})


@dataclass(frozen=True)
class Values:
    """What one plate drew; the fields are the ranges of ``Style``. Negative shadow or glare is none."""

    width: float
    tilt: float
    turn: float
    pitch: float
    margin_x: float
    margin_y: float
    exposure: float
    plate_light: float
    warmth: float
    green_cast: float
    haze: float
    saturation: float
    light_slope: float
    shadow: float
    glare: float
    dirt: float
    wear: float
    defocus: float
    motion: float
    sharpening: float
    noise: float
    jpeg: float


# Nothing between the drawing and the pixels: even light, no wear, no fittings, an ideal camera.
CLEAN = Style(
    tilt=just(0),
    turn=just(0),
    pitch=just(0),
    width=just(220),
    exposure=just(1),
    plate_light=just(1),
    warmth=just(0),
    green_cast=just(0),
    haze=just(0),
    saturation=just(1),
    light_slope=just(0),
    shadow=just(0),
    glare=just(0),
    dirt=just(0),
    wear=just(0),
    fittings=0.0,
    defocus=just(0),
    motion=just(0),
    sharpening=just(0),
    noise=just(0),
    jpeg=just(101),
)
