"""Numbers with their nouns."""


def counted(number: float, noun: str) -> str:
    """``1 call``, ``2 calls``, ``1,000 calls``, ``0.5 minutes``; `noun` is the singular and gets an s."""
    shown = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{shown} {noun}" if number == 1 else f"{shown} {noun}s"
