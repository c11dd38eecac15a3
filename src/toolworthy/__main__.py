"""``python -m toolworthy``."""

import sys

from toolworthy.cli import main

sys.exit(main())
