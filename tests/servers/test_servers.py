"""The suites against servers not written by us: what they find must be true of the server, or said to be untested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import only_run, results, run, suites
