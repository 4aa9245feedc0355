# Sourced by the scripts that build Go programs for tests and benchmarks: each has a go.mod, and calls this in the folder of it.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bluegreen

# version_of MODULE: its version in go.mod.
version_of() { awk -v module="$1" '{ sub(/^require /, "") } $1 == module && $2 ~ /^v/ { print $2; exit }' go.mod; }

# build_once TARGET PROGRAMS: calls `build FOLDER`, and the folder becomes TARGET. Nothing is built if TARGET was made from the
# same go.sum. PROGRAMS names them for people. The last line of the output is TARGET.
build_once() {
  local target=$1 programs=$2 folder
  if ! is_built "$target"; then
    command -v go >/dev/null || {
      echo "$programs: built with Go $(awk '$1 == "go" { print $2 }' go.mod) or newer, which is not installed. Install it, and run this again." >&2
      return 1
    }
    mkdir -p "$(dirname "$target")"
    exec 9>"$target.lock" # one builds, the others wait for it
    flock 9
  fi
  if ! is_built "$target"; then
    folder=$(mktemp -d "$target.building-XXXXXX")
    # shellcheck disable=SC2064 # the folder's name is known now
    trap "rm -rf '$folder'" EXIT
    build "$folder"
    cp go.sum "$folder/"
    chmod -R u+w,go+rX "$folder"
    rm -rf "$target"
    mv "$folder" "$target"
  fi
  echo "$target"
}
is_built() { cmp -s go.sum "$1/go.sum"; }

# go_build FOLDER LDFLAGS PACKAGE...: without debug information. `compiler` holds more flags for the compiler: '-N -l' takes a third
# less time, for programs with little to do.
go_build() {
  CGO_ENABLED=0 go build -buildvcs=false -trimpath -gcflags="all=-dwarf=false ${compiler:-}" -ldflags "-s -w $2" -o "$1/" "${@:3}" >&2
}
