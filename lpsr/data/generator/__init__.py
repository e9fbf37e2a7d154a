"""Plates in the style of CCPD and photos of cars, rendered from nothing but numbers: known text, exact corners."""

from lpsr.data.generator.draw import GeneratedPlate, generate
from lpsr.data.generator.folder import synthesize, synthesize_photos
from lpsr.data.generator.gallery import write_gallery
from lpsr.data.generator.photo import GeneratedPhoto, PhotoPlate, generate_photo
from lpsr.data.generator.style import CLEAN, Range, Style, just

__all__ = [
    "CLEAN",
    "GeneratedPhoto",
    "GeneratedPlate",
    "PhotoPlate",
    "Range",
    "Style",
    "generate",
    "generate_photo",
    "just",
    "synthesize",
    "synthesize_photos",
    "write_gallery",
]
