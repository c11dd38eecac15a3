"""The JSON Schema (2020-12) of a run directory, for other programs.

It is made from the models that write and read the files.
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

from toolworthy.base.sanitize import docstring
from toolworthy.records.case import CaseResult
from toolworthy.records.exchanges import ExchangeRecord
from toolworthy.records.gate import GateReport
from toolworthy.records.meta import SCHEMA, ProxyRecord, RunMeta
from toolworthy.records.probe import ProbeResult
from toolworthy.records.replay import ReplayResult
from toolworthy.records.store import GATE
from toolworthy.records.trial import TrialResult

LINES = (TrialResult, ProbeResult, CaseResult, ReplayResult)
"""The models of the lines of ``results.jsonl``."""


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

    ``$defs`` has the parts: ``Line`` for one line of results, ``ExchangeRecord``, ``RunMeta``, ``GateReport``.
    """
    models = (RunMeta, GateReport, ExchangeRecord, ProxyRecord, *LINES)
    refs, definitions = models_json_schema([(model, "serialization") for model in models], schema_generator=_Described)
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
            "run.json": ref[RunMeta],
            "results.jsonl": {
                "type": "array",
                "items": {"$ref": "#/$defs/Line"},
                "description": "Of several lines with the same key the last counts.",
            },
            GATE: ref[GateReport],
        },
        "patternProperties": {r"^exchanges/.+\.jsonl\.zst$": {"type": "array", "items": ref[ExchangeRecord]}},
        "$defs": {"Line": {"oneOf": [ref[model] for model in LINES]}, **definitions["$defs"]},
    }


def text() -> str:
    """The schema as a file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _described(described: JsonSchemaValue, cls: type) -> JsonSchemaValue:
    if "description" in described:
        described["description"] = docstring(described["description"])
    for name, text in _docstrings(cls):
        if name in described.get("properties", {}):
            described["properties"][name]["description"] = text
    return described


def _docstrings(cls: type) -> Iterator[tuple[str, str]]:
    """The fields of a class and of its bases, by alias if they have one, and the strings under them."""
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith("toolworthy."):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for field, after in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
                known = getattr(base, "model_fields", {}).get(field.target.id)
                name = (known.alias if known else None) or field.target.id
                yield name, docstring(str(ast.literal_eval(after.value)))
