"""Shapes drawn into a picture through a homography."""

import cv2
import numpy as np

from lpsr.data.generator.face import CORNER_MM, rounded_box
from lpsr.data.generator.glyphs import character_mask
from lpsr.data.layout import BLUE, GREEN, Layout

# The outline of each kind of plate in mm.
SHEET = {layout.kind: rounded_box(0, 0, layout.width_mm, layout.height_mm, CORNER_MM) for layout in (BLUE, GREEN)}


class Painter:
    """Draws shapes given in mm of a plane into a picture, through the homography from mm to pixels.

    ``canvas`` is ``(H, W, 3)`` uint8, drawn into. Pixel i covers [i, i + 1).
    """

    def __init__(self, canvas: np.ndarray, homography: np.ndarray) -> None:
        self.canvas = canvas
        self.homography = homography
        # Where ``soften`` blurs.
        self.window = np.s_[:, :]
        height, width = canvas.shape[:2]
        outline = np.float64([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]])
        seen = cv2.perspectiveTransform(outline, np.linalg.inv(homography)).reshape(-1, 2)
        # What the picture shows, in mm, with something to spare.
        self.left, self.top = seen.min(0) - 20
        self.right, self.bottom = seen.max(0) + 20

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Where points, ``(n, 2)`` in mm, fall in the picture, ``(n, 2)`` pixels."""
        return cv2.perspectiveTransform(np.float64(points).reshape(-1, 1, 2), self.homography).reshape(-1, 2)

    def polygon(self, points: np.ndarray, colour: np.ndarray) -> None:
        """Fill a polygon, ``(n, 2)`` in mm."""
        pixels = np.rint(self.pixels(points) * 16 - 8).astype(np.int32)
        cv2.fillPoly(self.canvas, [pixels], colour.tolist(), cv2.LINE_AA, 4)

    def band(self, top: np.ndarray, bottom: np.ndarray, first: np.ndarray, last: np.ndarray, steps: int) -> None:
        """Fill between two curves, ``(n, 2)`` in mm, the colour running from ``first`` to ``last``."""
        first, last = np.minimum(first, 255), np.minimum(last, 255)
        for step in range(steps):
            upper = top + (bottom - top) * (step / steps)
            # Each step reaches to the end: the next one covers it, and no seam shows.
            self.polygon(np.concatenate([upper, bottom[::-1]]), first + (last - first) * ((step + 0.5) / steps))

    def box(self, left: float, top: float, right: float, bottom: float, colour: np.ndarray, bevel: float = 0) -> None:
        """Fill a box in mm, its corners cut by ``bevel``."""
        b = bevel
        points = [(left + b, top), (right - b, top), (right, top + b), (right, bottom - b)]
        points += [(right - b, bottom), (left + b, bottom), (left, bottom - b), (left, top + b)]
        self.polygon(np.array(points), colour)

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float, colour: np.ndarray) -> None:
        """Fill an ellipse in mm."""
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        self.polygon(np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)], 1), colour)

    def soften(self, radius_mm: float) -> None:
        """Blur what is drawn so far in the window."""
        pixels = max(1, round(radius_mm * np.sqrt(abs(np.linalg.det(self.homography[:2, :2])))))
        self.canvas[self.window] = cv2.blur(self.canvas[self.window], (2 * pixels + 1, 2 * pixels + 1))

    def letters(self, text: str, left: float, top: float, height: float, colour: np.ndarray) -> None:
        """Write letters, digits or province characters, so high in mm; each takes 0.62 of that across."""
        tall = 48
        step, wide = round(tall * 0.62), round(tall * 0.5)
        ink = np.zeros((tall, step * len(text)), np.uint8)
        for place, character in enumerate(text):
            ink[:, place * step : place * step + wide] = character_mask(character, wide, tall)
        mm = height / tall
        right = left + ink.shape[1] * mm
        outline = self.pixels(np.array([(left, top), (right, top), (right, top + height), (left, top + height)]))
        area = self._around(outline)
        under = self.canvas[area]
        if under.size:
            alpha = self._warp(ink, mm, (left, top), area, cv2.BORDER_CONSTANT)
            share = alpha[..., None].astype(np.float32) / 255
            self.canvas[area] = under + (np.float32(colour) - under) * share

    def paste_face(self, face: np.ndarray, scale: float, layout: Layout) -> np.ndarray:
        """Lay the plate's face, at ``scale`` pixels per mm, where the plate is; returns where that was, 0 to 255."""
        outline = self.pixels(SHEET[layout.kind])
        inside = np.zeros(self.canvas.shape[:2], np.uint8)
        cv2.fillPoly(inside, [np.rint((outline - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
        # Only the plate's own rectangle of the picture is warped.
        area = self._around(outline)
        warped = self._warp(face, 1 / scale, (0, 0), area, cv2.BORDER_REPLICATE)
        cv2.copyTo(warped, inside[area], self.canvas[area])
        return inside

    def _around(self, outline: np.ndarray) -> tuple[slice, slice]:
        """The rectangle of the picture that holds an outline in pixels; empty where the picture shows none of it."""
        x, y, width, height = cv2.boundingRect(np.rint(outline).astype(np.int32))
        right, bottom = x + width + 1, y + height + 1
        return slice(max(y - 1, 0), max(bottom, 0)), slice(max(x - 1, 0), max(right, 0))

    def _warp(
        self, picture: np.ndarray, mm: float, origin: tuple[float, float], area: tuple[slice, slice], border: int
    ) -> np.ndarray:
        """What ``area`` shows of a picture that lies in the plane: ``mm`` to a pixel, its corner at ``origin``."""
        # From the picture's pixel indices to mm, and from this picture's coordinates to its pixel indices.
        inward = np.array([[mm, 0, origin[0] + mm / 2], [0, mm, origin[1] + mm / 2], [0, 0, 1]])
        outward = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        shift = np.array([[1, 0, -area[1].start], [0, 1, -area[0].start], [0, 0, 1]])
        size = self.canvas[area].shape[1::-1]
        matrix = shift @ (outward @ self.homography @ inward)
        return cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
