"""The JSON Schema (2020-12) of a run directory, for programs that read one without us.

Lines of ``results.jsonl`` are the models that are written there, and ``run.json`` is read by a model, too.
``gate.json``, records of exchanges and what the proxy writes are put together elsewhere as plain objects; the models
here say how they come out, and the tests hold them to real runs.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from toolworthy.judgement.gate.criteria.judged import Answer
from toolworthy.judgement.gate.paired import About
from toolworthy.records.case import CaseResult
from toolworthy.records.exchanges import Recorded
from toolworthy.records.replay import ReplayResult
from toolworthy.records.trial import TrialResult
from toolworthy.work.probes import ProbeResult
from toolworthy.work.run.about import SCHEMA, EndpointTold, ReplayRun, Run, Strict
from toolworthy.work.run.store import GATE

LINES = (TrialResult, ProbeResult, CaseResult, ReplayResult)
"""What a line of ``results.jsonl`` may be."""


class Criterion(Strict):
    """One criterion of the gate."""

    name: str
    answer: Answer
    said: str
    """Its figures in words."""
    next: list[str]
    """What would decide it, what could have been found, what was lost."""


class Looks(Strict):
    """How often a run that ends as soon as it is decided was looked at."""

    taken: int
    most: int
    alpha: float
    """Level of this look."""
    alphas: list[float]
    """Levels of all that were planned."""


class Gate(Strict):
    """``gate.json``."""

    answer: Answer
    meaning: str
    baseline: str
    baseline_started: float
    """Unix time, seconds."""
    candidate: str
    policy: str
    about: About
    """What a drop is claimed of: the very items that were run, or all items like these."""
    confidence: float
    criteria: list[Criterion]
    notes: list[str]
    """What was not compared, and why."""
    baseline_run: str = ""
    """The way from this run directory to the baseline's, where the baseline is one."""
    looks: Looks | None = None


class ExchangeRecord(Recorded, Strict):
    """One request and its answer: a zstd frame of its own in a file of exchanges.

    A text that begins with a NUL is base64 of bytes that are no UTF-8. A body is its texts and pieces in a row; an
    array of one string names a piece, of this record or of an earlier one in the same file.
    """


class ProxyTold(Strict):
    """What ``toolworthy proxy`` writes beside its record."""

    toolworthy: str
    started: float
    """Unix time, seconds."""
    endpoint: EndpointTold


class _Described(GenerateJsonSchema):
    """Fields are described by the docstrings under them, and have no titles."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return _described(super().model_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return _described(super().dataclass_schema(schema), schema["cls"])


def document() -> dict[str, Any]:
    """The schema of a run directory: an object whose names are files, and whose values are what these hold.

    ``$defs`` has the parts: ``Line`` for one line of results, ``ExchangeRecord``, ``Run`` and ``ReplayRun``, ``Gate``.
    """
    models = (Run, ReplayRun, Gate, ExchangeRecord, ProxyTold, *LINES)
    refs, told = models_json_schema([(model, "serialization") for model in models], schema_generator=_Described)
    ref = {model: refs[model, "serialization"] for model in models}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:toolworthy:run-directory:{SCHEMA}",
        "title": "A run directory of toolworthy",
        "description": (
            "An object whose names are the files of the directory and whose values are what these hold: of a file of "
            "lines an array of them, of a file of exchanges an array of its records. Of the files named here only "
            "run.json is always there. As this version writes it: earlier ones may have written fewer fields."
        ),
        "type": "object",
        "required": ["run.json"],
        "properties": {
            "run.json": {"oneOf": [ref[Run], ref[ReplayRun]]},
            "results.jsonl": {
                "type": "array",
                "items": {"$ref": "#/$defs/Line"},
                "description": "Of several lines with the same key the last counts.",
            },
            GATE: ref[Gate],
        },
        "patternProperties": {r"^exchanges/.+\.jsonl\.zst$": {"type": "array", "items": ref[ExchangeRecord]}},
        "$defs": {"Line": {"oneOf": [ref[model] for model in LINES]}, **told["$defs"]},
    }


def text() -> str:
    """The schema as a file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _described(told: JsonSchemaValue, cls: type) -> JsonSchemaValue:
    for name, said in _docstrings(cls):
        if name in told.get("properties", {}):
            told["properties"][name]["description"] = said
    return told


def _docstrings(cls: type) -> Iterator[tuple[str, str]]:
    """The fields of a class and of its bases, by alias where they have one, and the strings under them."""
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith("toolworthy."):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for field, after in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
                known = getattr(base, "model_fields", {}).get(field.target.id)
                name = (known.alias if known else None) or field.target.id
                yield name, inspect.cleandoc(str(ast.literal_eval(after.value)))
