"""LPSR Lab: license-plate super-resolution ×8 under three losses, side by side."""

__version__ = "0.1.0"
