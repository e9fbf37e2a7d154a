"""Plates in the style of CCPD, rendered from nothing but numbers: known text, exact corners, seeded."""

from lpsr.data.generator.draw import GeneratedPlate, generate
from lpsr.data.generator.folder import synthesize
from lpsr.data.generator.gallery import write_gallery
from lpsr.data.generator.style import CLEAN, Range, Style, just

__all__ = ["CLEAN", "GeneratedPlate", "Range", "Style", "generate", "just", "synthesize", "write_gallery"]
