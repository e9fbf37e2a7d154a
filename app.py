"""Starts the page: ``python app.py [--ccpd DIR] [--host ADDRESS] [--port NUMBER] [--share]``."""

import sys

from lpsr.app.page import main

if __name__ == "__main__":
    sys.exit(main())
