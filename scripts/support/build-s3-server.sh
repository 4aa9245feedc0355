#!/usr/bin/env bash
# Builds versitygw, a server that speaks S3, from the Go module in s3-server/: the tests keep the state of workers in it. It goes
# to a cache folder; nothing is built if it is there. Needs Go; takes a minute and a half of one core.
cd "$(dirname "$0")/s3-server"
. ../go-programs.sh

compiler='-N -l'
build() { go_build "$1" '' github.com/versity/versitygw/cmd/versitygw; }

build_once "$cache/s3-server" 'versitygw, the S3 server of the tests'
