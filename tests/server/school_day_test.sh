#!/usr/bin/env bash
# school_day_test.sh LMS_SERVER   Lives through examples/school_day.sh twice with the real server on a fresh SQLite file,
# restarted between the two, and sees that each shutdown is clean and no secret stands in the log.
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
pid=
trap 'if [ -n "$pid" ]; then kill "$pid"; fi; rm -rf "$place"' EXIT

export ADMIN_EMAIL=head@example.org ADMIN_PASSWORD="the head of this school" SECRET_KEY=a-key-for-this-test-and-no-other-one
export HOST=127.0.0.1 PORT=0 DATABASE_URL=sqlite:///$place/school.db

fail() {
  echo "$1"
  tail -n 40 "$place/log"
  exit 1
}

for day in first second; do
  echo "--- the $day day"
  coproc server { cd "$place" && exec "$binary" serve 2>>log; }
  # shellcheck disable=SC2154
  pid=$server_PID
  # The server says where it listens once it does.
  read -r -t 30 announcement <&"${server[0]}" || fail "lms-server did not start"
  BASE_URL=$(grep -o 'http://[^, ]*' <<<"$announcement" | head -n 1)
  export BASE_URL
  examples/school_day.sh || fail "the school day failed"
  kill -TERM "$pid"
  ended=$pid
  pid=
  wait "$ended" || fail "lms-server did not end well"
  if grep -qF -e "$ADMIN_PASSWORD" -e "$SECRET_KEY" "$place/log"; then fail "a secret stands in the log"; fi
done
