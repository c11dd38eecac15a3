#!/bin/sh
# Install toolworthy from the checkout that this script is in, pinned and hash-checked, into an environment of its own.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
venv=${TOOLWORTHY_VENV:-${RUNNER_TEMP:-${TMPDIR:-/tmp}}/toolworthy-venv}
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
install() { "$venv/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
install --require-hashes -r "$root/constraints.txt"
install --no-deps --no-build-isolation "$root"
"$venv/bin/toolworthy" --version

# Where agents are kept, and what a cache of them depends on.
[ -z "${GITHUB_OUTPUT:-}" ] || {
    echo "cache=${TOOLWORTHY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/toolworthy}"
    echo "key=$(cd "$root" && find adapters/agents -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-16)"
} >>"$GITHUB_OUTPUT"
