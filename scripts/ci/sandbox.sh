#!/bin/sh
# Make bubblewrap work, the sandbox that agents run in. Where it cannot, say so; `toolworthy run` says what that means.
set -eu
profiles=${APPARMOR_PROFILES:-/etc/apparmor.d}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
works() { bwrap --ro-bind / / --dev /dev --unshare-all true 2>/dev/null; }

if ! command -v bwrap >/dev/null && command -v apt-get >/dev/null; then
    as_root apt-get update -qq && as_root apt-get install -y -qq bubblewrap >/dev/null || true
fi
works && exit 0

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
works || echo "bubblewrap cannot make a sandbox here: agents will not run (docs/ci.md says what to do)" >&2
