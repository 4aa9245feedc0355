#!/usr/bin/env bash
# Builds the Temporal server that `npm run bench -- cluster` runs, and its tool for SQL schemas, from their Go module. They go to a
# cache folder, which is the last line of the output; nothing is built if they are there. Needs Go; takes about four minutes of
# two cores.
cd "$(dirname "$0")"
. ../../scripts/support/go-programs.sh

build() { go_build "$1" '' go.temporal.io/server/cmd/server go.temporal.io/server/cmd/tools/sql; }

build_once "$cache/temporal-server/$(version_of go.temporal.io/server)" 'The Temporal server'
