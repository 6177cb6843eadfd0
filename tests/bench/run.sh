#!/usr/bin/env bash
# run.sh [--quick] [--large] [--folder DIR] [--json FILE] [NAME…]
# run.sh --help
#
# Measures lms-server against a bare Pistache server in the same run, prints a table, says which of the PERF rows hold,
# and writes all figures as JSON (build-bench/results.json). Installs and builds what it needs, in build-bench. NAMEs
# choose what is measured; --quick measures shorter and once, --large also compares schools with 1,000 and 1,000,000
# enrolments. docs/benchmarks.md says how to read it. Ends with 1 if any answer was not a 2xx.
set -euo pipefail
cd "$(dirname "$0")/../.."

case " $* " in
  *" --help "* | *" -h "*) exec python3 tests/bench/bench.py --help ;;
esac
packaging/install-dependencies.sh --bench

build="build-bench"
options=(--buildtype=release -Dbenchmarks=enabled -Dserver=enabled -Dsqlite=enabled -Dtests=disabled -Dexamples=disabled)
if [ ! -f "$build/build.ninja" ]; then meson setup "$build" "${options[@]}"; fi
ninja -C "$build"
exec python3 tests/bench/bench.py --build "$build" "$@"
