"""toolworthy: is this model endpoint worthy of the agent tool you want to put it behind?

``__all__`` lists the public API (docs/python.md). Every other module is internal and may change at any time. Each name
is imported on first use, so ``import toolworthy`` alone costs nothing.
"""

TYPE_CHECKING = False  # true for type checkers; typing itself is slow to import
if TYPE_CHECKING:
    from toolworthy.base.errors import ToolworthyError
    from toolworthy.base.version import __version__ as __version__
    from toolworthy.endpoint.target import Endpoint
    from toolworthy.public.checking import check, gate
    from toolworthy.public.results import Run
    from toolworthy.public.running import run, run_async
    from toolworthy.public.server import ReferenceServer
    from toolworthy.records.exchange import Exchange
    from toolworthy.records.finding import Finding
    from toolworthy.rules import rule
    from toolworthy.rules.view import View
    from toolworthy.work.probes import Ask, Broken, Ignored, Rejected, Unmeasured, probe

_MODULES = {
    "base.errors": ("ToolworthyError",),
    "base.version": ("__version__",),
    "endpoint.target": ("Endpoint",),
    "public.checking": ("check", "gate"),
    "public.results": ("Run",),
    "public.running": ("run", "run_async"),
    "public.server": ("ReferenceServer",),
    "records.exchange": ("Exchange",),
    "records.finding": ("Finding",),
    "rules": ("rule",),
    "rules.view": ("View",),
    "work.probes": ("Ask", "Broken", "Ignored", "Rejected", "Unmeasured", "probe"),
}
__all__ = [
    "Ask",
    "Broken",
    "Endpoint",
    "Exchange",
    "Finding",
    "Ignored",
    "ReferenceServer",
    "Rejected",
    "Run",
    "ToolworthyError",
    "Unmeasured",
    "View",
    "check",
    "gate",
    "probe",
    "rule",
    "run",
    "run_async",
]


def __dir__() -> list[str]:
    return sorted((*__all__, "__version__"))


if not TYPE_CHECKING:  # a type checker is to know every name

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"toolworthy.{module}"), name)
        raise AttributeError(f"module 'toolworthy' has no attribute {name!r}")
