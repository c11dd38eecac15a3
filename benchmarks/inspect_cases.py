"""The peer of ``cases.py``, run by an environment that has Inspect AI: the same samples, the same tool, one call each.

python inspect_cases.py SAMPLES.json BASE_URL CONNECTIONS stream|whole LOG_FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer
from inspect_ai.solver import TaskState, generate, system_message, use_tools
from inspect_ai.tool import Tool, tool


@tool
def get_weather() -> Tool:
    """The tool; never executed."""

    async def execute(city: str, days: int) -> str:
        """The weather of the coming days.

        Args:
            city: The city, as the user spells it.
            days: For how many days.
        """
        return "done"

    return execute


@scorer(metrics=[accuracy()])
def right_call() -> Scorer:
    """Whether the one call is the wanted one."""

    async def score(state: TaskState, target: Target) -> Score:
        calls = state.output.message.tool_calls or []
        wanted = json.loads(target.text)
        right = len(calls) == 1 and calls[0].function == "get_weather" and calls[0].arguments == wanted
        return Score(value="C" if right else "I")

    return score


def main() -> None:
    """Evaluate once; the exit code says whether every sample was right."""
    samples, url, connections, way, logs = sys.argv[1:]
    told = json.loads(Path(samples).read_text(encoding="utf-8"))
    dataset = [Sample(id=one["id"], input=one["user"], target=json.dumps(one["arguments"])) for one in told["samples"]]
    task = Task(
        dataset=MemoryDataset(dataset),
        solver=[system_message(told["system"]), use_tools(get_weather()), generate(tool_calls="none")],
        scorer=right_call(),
    )
    model = get_model("openai-api/local/m", base_url=url, api_key="none", stream=way == "stream")
    at_once = int(connections)
    logged = eval(
        task, model=model, display="none", log_dir=logs, max_connections=at_once, max_samples=at_once, max_retries=0
    )[0]
    scores = logged.results.scores if logged.results else []
    if logged.status != "success" or not scores or scores[0].metrics["accuracy"].value != 1:
        raise SystemExit(f"Inspect: {logged.status} {logged.error} {scores}")


if __name__ == "__main__":
    main()
