#!/usr/bin/env bash
# Builds versitygw, a server that speaks S3, from the Go module in s3-server/: the tests keep the state of workers in it. It goes
# to a cache folder; nothing is built if it is there. Needs Go; takes about two minutes of one core.
set -euo pipefail
cd "$(dirname "$0")/s3-server"
target=${XDG_CACHE_HOME:-$HOME/.cache}/bluegreen/s3-server
is_built() { cmp -s go.sum "$target/go.sum"; } # it is copied last
is_built && exit 0
command -v go >/dev/null || {
  echo "versitygw, the S3 server of the tests, is built with Go $(awk '$1 == "go" { print $2 }' go.mod) or newer. Install it, and run this again." >&2
  exit 1
}
mkdir -p "$target"
exec 9>"$target/lock" # one builds, the others wait for it
flock 9
is_built && exit 0
draft=$(mktemp -d "$target/building-XXXXXX")
trap 'rm -rf "$draft"' EXIT
CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w' -o "$draft/versitygw" github.com/versity/versitygw/cmd/versitygw >&2
mv "$draft/versitygw" "$target/versitygw"
cp go.sum "$target/go.sum"
