#!/bin/sh
# Run suites as TOOLWORTHY_* says, tell GitHub if it listens, and end with the run's exit code, which is the gate's
# where there is a baseline.
set -uf
venv=${TOOLWORTHY_VENV:-${RUNNER_TEMP:-${TMPDIR:-/tmp}}/toolworthy-venv}
out=${TOOLWORTHY_OUT:-$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/toolworthy.XXXXXX")}
newest() { ls "$out" 2>/dev/null | grep -E '^[0-9]{8}-[0-9]{6}-' | tail -n 1; }

# shellcheck disable=SC2086 # suites, agents and further arguments are lists of words
set -- ${TOOLWORTHY_SUITES:-} --endpoint "${TOOLWORTHY_ENDPOINT:-oracle}" --out "$out"
for agent in ${TOOLWORTHY_AGENTS:-}; do set -- "$@" --agent "$agent"; done
[ -z "${TOOLWORTHY_MODEL:-}" ] || set -- "$@" --model "$TOOLWORTHY_MODEL"
[ -z "${TOOLWORTHY_KEY_ENV:-}" ] || set -- "$@" --key-env "$TOOLWORTHY_KEY_ENV"
[ -z "${TOOLWORTHY_TRIALS:-}" ] || set -- "$@" --trials "$TOOLWORTHY_TRIALS"
[ -z "${TOOLWORTHY_BASELINE:-}" ] || set -- "$@" --baseline "$TOOLWORTHY_BASELINE"
[ -z "${TOOLWORTHY_POLICY:-}" ] || set -- "$@" --gate "$TOOLWORTHY_POLICY"
# shellcheck disable=SC2086
set -- "$@" ${TOOLWORTHY_ARGUMENTS:-}

before=$(newest)
code=0
"$venv/bin/toolworthy" run "$@" || code=$?
run=$(newest)
[ "$run" = "$before" ] && run= || run=$out/$run

answer=error
case $code in 0) answer=pass ;; 1) answer=fail ;; esac
if [ -n "$run" ] && [ -f "$run/gate.json" ]; then
    answer=$("$venv/bin/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["answer"])' "$run/gate.json")
fi

# For a pull request: the summary, and where the rest is.
comment=$out/comment.md
{
    if [ -n "$run" ] && [ -f "$run/summary.md" ]; then cat "$run/summary.md"; else
        echo "**toolworthy could not run** (exit code $code): the job's log says why."
    fi
    if [ -n "${GITHUB_SERVER_URL:-}" ] && [ -n "${GITHUB_RUN_ID:-}" ]; then
        printf '\n[Report and record of this run](%s/%s/actions/runs/%s#artifacts)\n' \
            "$GITHUB_SERVER_URL" "${GITHUB_REPOSITORY:-}" "$GITHUB_RUN_ID"
    fi
} >"$comment"
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$comment" >>"$GITHUB_STEP_SUMMARY"
[ -z "${GITHUB_OUTPUT:-}" ] || printf '%s\n' "answer=$answer" "code=$code" "run=$run" "comment=$comment" >>"$GITHUB_OUTPUT"
exit "$code"
