import sys

from lpsr.cli import main

sys.exit(main())
