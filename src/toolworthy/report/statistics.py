"""Rates with their intervals."""

from __future__ import annotations

from math import sqrt

_Z95 = 1.959963984540054


def wilson(ok: int, n: int, z: float = _Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion, 95 % by default; (0, 1) where n is 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    rate = ok / n
    middle = rate + z * z / (2 * n)
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def rate(ok: int, n: int) -> str:
    """``7/10 · 70 % (40–89 %)``, or ``not measured``."""
    if n == 0:
        return "not measured"
    low, high = wilson(ok, n)
    return f"{ok}/{n} · {ok / n:.0%} ({low:.0%}–{high:.0%})"
