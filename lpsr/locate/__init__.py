"""Plates in photos: ``locate`` finds them, ``refine`` moves corners that are nearly right onto the plate."""

from lpsr.locate.corners import refine
from lpsr.locate.find import SMALL, Found, is_plate, locate, overlap
from lpsr.locate.views import Cut, View, cut, views, whole

__all__ = ["SMALL", "Cut", "Found", "View", "cut", "is_plate", "locate", "overlap", "refine", "views", "whole"]
