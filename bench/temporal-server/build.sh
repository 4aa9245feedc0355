#!/usr/bin/env bash
# Builds the Temporal server that `npm run bench -- cluster` runs, and its tool for SQL schemas, from their Go module. They go to a
# cache folder, which is the last line of the output; nothing is built if they are there. Needs Go; takes about four minutes of
# two cores, at low priority.
set -euo pipefail
cd "$(dirname "$0")"

version=$(awk '$1 == "require" && $2 == "go.temporal.io/server" { print $3; exit } $1 == "go.temporal.io/server" { print $2; exit }' go.mod)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bluegreen/temporal-server
target=$cache/$version

is_built() { cmp -s go.mod "$target/go.mod" && cmp -s go.sum "$target/go.sum"; } # they are copied last
if is_built; then
  echo "$target"
  exit 0
fi
command -v go >/dev/null || {
  echo "The Temporal server is built with Go $(awk '$1 == "go" { print $2 }' go.mod) or newer. Install it, and run this again." >&2
  exit 1
}

mkdir -p "$cache"
exec 9>"$cache/lock" # one builds, the others wait for it
flock 9
if is_built; then
  echo "$target"
  exit 0
fi

folder=$(mktemp -d "$cache/building-XXXXXX")
trap 'rm -rf "$folder"' EXIT
CGO_ENABLED=0 nice -n 19 go build -buildvcs=false -trimpath -ldflags '-s -w' -o "$folder/" \
  go.temporal.io/server/cmd/server go.temporal.io/server/cmd/tools/sql >&2
cp go.mod go.sum "$folder/"

rm -rf "$target"
mv "$folder" "$target"
echo "$target"
