"""``python -m toolworthy``."""

import sys

from toolworthy.cli.main import main

sys.exit(main())
