#!/usr/bin/env bash
# tidy.sh BUILD   Runs clang-tidy over every source of ours that BUILD compiles.
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
root=$(pwd)

python3 - "$build/compile_commands.json" "$root" <<'SCRIPT' | xargs -0 -P "$(nproc)" -n 4 clang-tidy -p "$build" --quiet
import json, os, sys
commands, root = sys.argv[1:]
seen = set()
for entry in json.load(open(commands)):
    path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
    if path.startswith((f"{root}/liblms/", f"{root}/server/", f"{root}/examples/")) and path.endswith(".cpp"):
        seen.add(path)
print("\0".join(sorted(seen)), end="")
SCRIPT
