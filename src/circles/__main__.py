"""`python -m circles` is the same as the command `circles`."""

import sys

from circles.cli import main

sys.exit(main())
