#!/usr/bin/env bash
# install-dependencies.sh [--demo|--tests|--bench]
#
# Installs the Debian packages and npm packages that building liblms needs (--demo, the default), and those that its
# tests (--tests) or its benchmarks (--bench) need as well. Installs only what is missing and upgrades nothing else.
# Runs as root, or asks sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

build=(
  g++ meson ninja-build pkg-config python3
  libpistache-dev node-llhttp libsqlite3-dev libsqlitecpp-dev libssl-dev libargon2-dev libcrypt-dev
  nlohmann-json3-dev libspdlog-dev libcmark-gfm-dev libcmark-gfm-extensions-dev libcli11-dev libicu-dev
  libqrencode-dev libpng-dev libcurl4-openssl-dev libkainjow-mustache-dev libxxhash-dev libhiredis-dev prometheus-cpp-dev
)
bench=(wrk libbenchmark-dev)
tests=(
  doctest-dev libcpp-httplib-dev cmake abigail-tools ccache clang libclang-rt-dev clang-format clang-tidy shellcheck
  openssl python3-aiosmtpd python3-cryptography python3-jwt oathtool libbenchmark-dev redis-server prometheus
  prometheus-alertmanager
)
# Programs that may have come another way than from Debian: the package is needed only if the program is missing.
declare -A program_of=([npm]=npm [curl]=curl [python3]=python3 [meson]=meson [ninja-build]=ninja [jq]=jq [cmake]=cmake)

wanted=("${build[@]}" curl jq npm)
case ${1:---demo} in
  --demo) ;;
  --tests) wanted+=("${tests[@]}") ;;
  --bench) wanted+=("${bench[@]}") ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac

# shellcheck source=/dev/null
release=$(. /etc/os-release && printf '%s %s' "${ID:-unknown}" "${VERSION_ID:-}")
if [ "$release" != "debian 12" ]; then
  echo "install-dependencies: this is $release; package names and versions were tried on Debian 12 only. Going on." >&2
fi
if ! command -v apt-get >/dev/null; then
  echo "install-dependencies: no apt-get here. Install what stands in this file by hand, then use meson directly." >&2
  exit 69
fi

missing=()
installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' 2>/dev/null)"
for package in "${wanted[@]}"; do
  case $installed in *" installed:$package "*) continue ;; esac
  program=${program_of[$package]:-}
  if [ -n "$program" ] && command -v "$program" >/dev/null; then continue; fi
  missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "install-dependencies: run this as root, or install sudo; missing: ${missing[*]}" >&2
      exit 77
    fi
    as_root=(sudo "${as_root[@]}")
  fi
  echo "installing ${missing[*]}"
  "${as_root[@]}" apt-get -q -o Acquire::Retries=3 update >/dev/null
  "${as_root[@]}" apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install --no-install-recommends --no-upgrade \
    "${missing[@]}" >/dev/null
fi

# npm packages are pinned by their lock file; a copy of it beside them says which ones are there.
npm_install() {
  [ -f "$1/package-lock.json" ] || return 0
  if cmp -s "$1/package-lock.json" "$1/node_modules/.installed-lock.json"; then return; fi
  echo "installing the npm packages of $1"
  (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.installed-lock.json)
}
npm_install packaging/docs-assets
if [ "${1:-}" = --tests ]; then npm_install tests/lint; fi
