"""Plates in photos: ``locate`` finds them, ``refine`` moves corners that are nearly right onto the plate."""

from lpsr.locate.corners import refine
from lpsr.locate.find import Found, locate, overlap
from lpsr.locate.views import Cut, View, cut, views, whole

__all__ = ["Cut", "Found", "View", "cut", "locate", "overlap", "refine", "views", "whole"]
