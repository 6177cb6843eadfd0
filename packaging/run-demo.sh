#!/usr/bin/env bash
# run-demo.sh [--port PORT]
#
# Installs what is missing, builds a release in build-demo/, makes a demo school in demo.db unless there is one, and
# serves it on 127.0.0.1 (port 8000). Ends with Ctrl-C; the school stays. Remove demo.db* for a fresh one.
set -euo pipefail
cd "$(dirname "$0")/.."

port=8000
case ${1:-} in
  "") ;;
  --port=*) port=${1#--port=} ;;
  --port) port=${2:?--port needs a number} ;;
  *)
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac

packaging/install-dependencies.sh --demo

if [ ! -f build-demo/build.ninja ]; then
  meson setup build-demo --buildtype=release -Dserver=enabled -Dsqlite=enabled -Dtests=disabled -Dexamples=disabled
fi
ninja -C build-demo

# The demo shall not depend on what the caller's shell happens to set.
export DATABASE_URL=sqlite:///demo.db ENVIRONMENT=development HOST=127.0.0.1 PORT=$port
server=build-demo/server/lms-server
if [ ! -f demo.db ]; then "$server" demo >demo.db.txt; fi
# What `demo` said: the accounts and what to try. The port may be another one today.
if [ -f demo.db.txt ]; then sed "s/127\.0\.0\.1:[0-9]*/127.0.0.1:$port/g" demo.db.txt; fi
exec "$server" serve
