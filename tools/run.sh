#!/bin/sh
# Runs a TypeScript program of this repository under the pinned Node, after installing the npm packages where they are
# missing or older than the lockfile. Usage: tools/run.sh FILE.ts [ARG ...]
set -eu
cd "$(dirname "$0")/.."
if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "setup: installing the npm packages that package-lock.json pins into node_modules" >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
exec node "$@"
