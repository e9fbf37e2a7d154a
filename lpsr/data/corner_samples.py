"""Pictures to learn the corners of plates from: plates seen anew through a random homography, and what is no plate.

Every picture is a function of (seed, iteration, place in the batch) alone, as in ``lpsr.data.patches``.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from lpsr.data.patches import Source, draw_group
from lpsr.degrade import motion_kernel
from lpsr.errors import InputError
from lpsr.images import outline

# Share of pictures without a whole plate, and of these from sources that show none, where there are any.
_EMPTY, _ELSEWHERE = 0.35, 0.5
# What most writing is that is no plate, by OpenCV's fonts.
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabdegkmnrst0123456789-. "))
# Plates, by width over height as seen: turned far away, and flat.
_ASPECT = (1.5, 4.4)


class CornerSampler:
    """Draws batches of pictures with the corners of the plate they show.

    Args:
        groups: ``(sources, share)`` pairs; shares are normalised. Sources whose corners are those of their picture, as
            where none are known, are left out; those without a text as well show no plate, and half the pictures
            without a plate are of them, whatever their share.
        size: height and width of the pictures.
        seed: of everything random.

    Attributes:
        shares: of the pictures, by group, as they really are.

    Raises InputError where no plate has corners.
    """

    def __init__(self, groups: Sequence[tuple[Sequence[Source], float]], size: tuple[int, int], seed: int = 0) -> None:
        known = [([source for source in sources if _known(source)], share) for sources, share in groups]
        self.groups = [(sources, share) for sources, share in known if sources and share > 0]
        if not self.groups:
            raise InputError("None of the plates has known corners; name a folder whose index.csv has them.")
        shares = np.array([share if sources and share > 0 else 0.0 for sources, share in known], float)
        shares /= shares.sum()
        self.bounds = np.cumsum(shares[shares > 0])
        empty = [[one for one in sources if one.text is None and not _known(one)] for sources, _ in groups]
        self.elsewhere = [one for sources in empty for one in sources]
        if self.elsewhere:
            of_elsewhere = np.array([len(sources) for sources in empty]) / len(self.elsewhere)
            shares += _EMPTY * _ELSEWHERE * (of_elsewhere - shares)
        self.shares = shares.tolist()
        self.size = size
        self.seed = seed

    def batch(self, iteration: int, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The pictures at ``places`` of an iteration's batch ``(N, H, W, 3)`` uint8, their corners ``(N, 4, 2)``
        float32, and 1 where a whole plate is shown, else 0, ``(N,)`` float32."""
        pictures, corners, plate = zip(*(self.sample(iteration, place) for place in places), strict=True)
        return np.stack(pictures), np.stack(corners), np.float32(plate)

    def sample(self, iteration: int, place: int) -> tuple[np.ndarray, np.ndarray, bool]:
        """One picture, its corners, whether it shows a whole plate."""
        rng = np.random.default_rng((self.seed, iteration, place))
        sources = draw_group(self.groups, self.bounds, rng)
        source = sources[rng.integers(len(sources))]
        plate = rng.random() >= _EMPTY
        if plate:
            corners = _placed(rng, self.size)
            picture = _view(source, corners, self.size, rng)
        else:
            corners = np.zeros((4, 2), np.float32)
            if self.elsewhere and rng.random() < _ELSEWHERE:
                picture = _elsewhere(self.elsewhere[rng.integers(len(self.elsewhere))], self.size, rng)
            else:
                picture = _EMPTIES[rng.integers(len(_EMPTIES))](source, self.size, rng)
        # What is no plate comes in as few pixels as plates do.
        width = np.ptp(corners[:, 0]) if plate else rng.uniform(0.3, 1) * self.size[1]
        return _photograph(picture, width, rng), corners, plate


def _known(source: Source) -> bool:
    height, width = source.picture.shape[:2]
    return not np.array_equal(source.corners, outline(width, height))


def _quad(rng: np.random.Generator, centre: np.ndarray, width: float) -> np.ndarray:
    """A plate so wide: turned, and its corners moved as perspective does, ``(4, 2)``."""
    height = width / np.exp(rng.uniform(*np.log(_ASPECT)))
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    corners += rng.uniform(-0.06, 0.06, (4, 2)) * (width, 1.5 * height)
    turn = np.deg2rad(np.clip(rng.normal(0, 8), -30, 30))
    return corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + centre


def _placed(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Corners of a plate that the picture shows, a few pixels beyond its border at most, ``(4, 2)`` float32."""
    extent = np.array(size[::-1], float)
    while True:
        corners = _quad(rng, extent / 2, rng.uniform(0.32, 0.98) * extent[0])
        low, high = corners.min(0), corners.max(0)
        # Most lie near the middle, where a finder that is any good puts them.
        room = np.maximum(extent - (high - low), 0) / 2 + 3
        corners += np.clip(rng.normal(0, 0.45, 2), -1, 1) * room
        if (corners.min(0) > -6).all() and (corners.max(0) < extent + 6).all():
            return corners.astype(np.float32)


def _too_large(source: Source, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A few strokes of a plate."""
    extent = np.array(size[::-1], float)
    corners = _quad(rng, extent * rng.uniform(0, 1, 2), rng.uniform(1.7, 4.5) * extent[0])
    return _view(source, corners.astype(np.float32), size, rng)


def _too_small(source: Source, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A plate far away."""
    extent = np.array(size[::-1], float)
    corners = _quad(rng, extent * rng.uniform(0.2, 0.8, 2), rng.uniform(0.04, 0.13) * extent[0])
    return _view(source, corners.astype(np.float32), size, rng)


def _outside(source: Source, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A plate of which a third or less is in the picture."""
    extent = np.array(size[::-1], float)
    corners = _quad(rng, extent / 2, rng.uniform(0.5, 1.2) * extent[0])
    # Out over a side or an end until at most a third of it is left.
    axis, direction = rng.integers(2), rng.choice([-1, 1])
    span = np.ptp(corners[:, axis])
    edge = corners[:, axis].min() if direction > 0 else corners[:, axis].max()
    border = extent[axis] if direction > 0 else 0
    corners[:, axis] += border - edge - direction * span * rng.uniform(-0.2, 0.33)
    return _view(source, corners.astype(np.float32), size, rng)


def _upside_down(source: Source, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A plate turned by half, or in a mirror: no corners to name."""
    picture = _view(source, _placed(rng, size), size, rng)
    return picture[:, ::-1] if rng.random() < 0.5 else picture[::-1, :: rng.choice([-1, 1])]


def _bodywork(source: Source, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The car above or below the plate."""
    corners, (height, width) = source.corners, source.picture.shape[:2]
    above, below = corners[:, 1].min(), height - corners[:, 1].max()
    room = max(above, below)
    if room < 8:
        return _too_large(source, size, rng)
    strip_height = rng.uniform(0.4, 1) * room
    strip_width = min(strip_height * rng.uniform(1.5, 4), width)
    x = rng.uniform(0, width - strip_width)
    y = rng.uniform(0, above - strip_height) if above >= below else height - rng.uniform(strip_height, below)
    box = np.float32([[x, y], [x + strip_width, y], [x + strip_width, y + strip_height], [x, y + strip_height]])
    return _view(Source(source.picture, box, None), outline(*size[::-1]), size, rng)


def _writing(source: Source, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A sign: letters and digits on a board of one colour, before the car."""
    picture = np.ascontiguousarray(_bodywork(source, size, rng))
    board, ink = rng.integers(0, 256, 3).tolist(), rng.integers(0, 256, 3).tolist()
    low = (rng.uniform(0, 0.3, 2) * size[::-1]).astype(int)
    high = (rng.uniform(0.7, 1, 2) * size[::-1]).astype(int)
    if rng.random() < 0.8:
        cv2.rectangle(picture, low.tolist(), high.tolist(), board, -1)
    text = "".join(rng.choice(_LETTERS, rng.integers(1, 14)))
    font, thickness = int(rng.integers(0, 8)), int(rng.integers(1, 5))
    (width, height), _ = cv2.getTextSize(text, font, 1, thickness)
    scale = rng.uniform(0.5, 1.1) * min((high - low) / (max(width, 1), max(height, 1)))
    place = int(low[0] + 4), int(high[1] - rng.uniform(0.1, 0.3) * (high[1] - low[1]))
    cv2.putText(picture, text, place, font, scale, ink, thickness, cv2.LINE_AA)
    return picture


def _elsewhere(source: Source, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Most of a picture that shows no plate."""
    extent = np.array(source.picture.shape[1::-1], float)
    corners = _quad(rng, extent * rng.uniform(0.4, 0.6, 2), rng.uniform(0.5, 1) * extent[0])
    return _view(Source(source.picture, corners.astype(np.float32), None), outline(*size[::-1]), size, rng)


_EMPTIES = (_too_large, _too_small, _outside, _upside_down, _bodywork, _writing)


def _view(source: Source, corners: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The source as seen where its plate falls on ``corners``."""
    height, width = size
    matrix = cv2.getPerspectiveTransform(source.corners.astype(np.float32), corners)
    # Pixel centres lie at halves, OpenCV's at whole numbers.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    border = rng.choice([cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101, cv2.BORDER_CONSTANT], p=(0.5, 0.3, 0.2))
    return cv2.warpPerspective(
        source.picture,
        np.linalg.inv(half) @ matrix @ half,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=int(border),
        borderValue=rng.integers(0, 256, 3).tolist(),
    )


def _photograph(picture: np.ndarray, plate_width: float, rng: np.random.Generator) -> np.ndarray:
    """Other colours, light, sharpness, noise and compression: plates of any colour, at any distance."""
    height, width = picture.shape[:2]
    if rng.random() < 0.35:
        picture = picture[..., rng.permutation(3)]
    if rng.random() < 0.15:
        picture = 255 - picture
    picture = picture.astype(np.float32)
    if rng.random() < 0.15:
        picture = np.repeat(picture.mean(2, keepdims=True), 3, 2)
    gain = np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.06, 3))
    picture = 255 * np.clip(picture * gain / 255 + rng.normal(0, 0.06), 0, 1) ** np.exp(rng.normal(0, 0.2))
    if rng.random() < 0.35:
        # A plate of so few pixels, enlarged.
        factor = max(plate_width / np.exp(rng.uniform(np.log(12), np.log(90))), 1)
        small = max(round(width / factor), 2), max(round(height / factor), 2)
        kind = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
        picture = cv2.resize(
            cv2.resize(picture, small, interpolation=cv2.INTER_AREA), (width, height), None, 0, 0, kind
        )
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 2.5))
    if rng.random() < 0.2:
        picture = cv2.filter2D(picture, -1, motion_kernel(rng.uniform(2, 12), rng.uniform(0, np.pi)))
    if rng.random() < 0.4:
        picture = picture + rng.standard_normal(picture.shape, np.float32) * rng.uniform(1, 14)
    picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))])
        picture = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return picture
