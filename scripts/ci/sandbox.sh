#!/bin/sh
# Make bubblewrap work, the sandbox that agents run in. Where it cannot, say why; `toolworthy run` says what that means.
# Comes after install.sh: whether it works is found out by what is installed, in the way of a trial.
set -eu
venv=${TOOLWORTHY_VENV:-${RUNNER_TEMP:-${TMPDIR:-/tmp}}/toolworthy-venv}
profiles=${APPARMOR_PROFILES:-/etc/apparmor.d}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
works() {
    "$venv/bin/python" -I - <<CHECK
import sys
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import choose
try:
    choose("bubblewrap")
except ToolworthyError as error:
    sys.exit(str(error))
CHECK
}

[ -x "$venv/bin/python" ] || { echo "there is no toolworthy in $venv: run install.sh first" >&2; exit 1; }
if ! command -v bwrap >/dev/null && command -v apt-get >/dev/null; then
    as_root apt-get update -qq && as_root apt-get install -y -qq bubblewrap >/dev/null || true
fi
works 2>/dev/null && exit 0

# Ubuntu since 23.10 denies user namespaces to programs without a profile that allows them (its runners do, too).
if command -v bwrap >/dev/null && command -v apparmor_parser >/dev/null && [ -d "$profiles" ]; then
    as_root tee "$profiles/toolworthy-bwrap" >/dev/null <<PROFILE || true
abi <abi/4.0>,
include <tunables/global>
profile toolworthy-bwrap $(command -v bwrap) flags=(unconfined) {
  userns,
}
PROFILE
    as_root apparmor_parser -r "$profiles/toolworthy-bwrap" || true
fi
works || echo "agents will not run here (docs/ci.md says what to do)" >&2
