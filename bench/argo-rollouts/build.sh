#!/usr/bin/env bash
# Builds the controller of Argo Rollouts that `npm run bench -- argo-rollouts` measures, from its Go module, with its CRDs beside it.
# They go to a cache folder, which is the last line of the output; nothing is built if they are there. Needs Go; takes about three
# minutes of two cores.
cd "$(dirname "$0")"
. ../../scripts/support/go-programs.sh

build() {
  go_build "$1" '' github.com/argoproj/argo-rollouts/cmd/rollouts-controller
  mkdir "$1/crds"
  cp "$(go list -m -f '{{.Dir}}' github.com/argoproj/argo-rollouts)"/manifests/crds/*-crd.yaml "$1/crds/"
}

build_once "$cache/argo-rollouts/$(version_of github.com/argoproj/argo-rollouts)" 'The controller of Argo Rollouts'
