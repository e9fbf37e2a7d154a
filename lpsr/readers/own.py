"""Plate readers of our own: a CRNN with CTC, trained on HR plates alone or on plates of any size."""

from lpsr.plates import ALPHABET

# Of the network's columns, the first being the CTC blank.
CHARACTERS = ("", *ALPHABET)
