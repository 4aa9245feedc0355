#!/usr/bin/env bash
# Builds what the tests on Kubernetes and `demo --kubernetes` run on, from the Go modules of kubernetes/go.mod:
# kube-apiserver, kube-controller-manager and helm, and the CRDs of Gateway API and Istio beside them. They go to a cache folder,
# which is the last line of the output; nothing is built if they are there. Needs Go; takes about five minutes of two cores.
cd "$(dirname "$0")/kubernetes"
. ../go-programs.sh

kubernetes=$(version_of k8s.io/kubernetes)
helm=$(version_of helm.sh/helm/v3)

build() {
  local folder=$1 minor=${kubernetes#v1.} values= value
  minor=${minor%%.*}
  for value in \
    k8s.io/component-base/version.gitVersion="$kubernetes" \
    k8s.io/component-base/version.gitMajor=1 \
    k8s.io/component-base/version.gitMinor="$minor" \
    helm.sh/helm/v3/internal/version.version="$helm" \
    helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
    helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor="$minor" \
    helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 \
    helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor="$minor"; do
    values+=" -X $value"
  done
  go_build "$folder" "$values" \
    k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager helm.sh/helm/v3/cmd/helm

  mkdir "$folder/crds"
  go mod download sigs.k8s.io/gateway-api istio.io/api # nothing of theirs is in the programs
  local gateway istio kind
  gateway=$(go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)
  istio=$(go list -m -f '{{.Dir}}' istio.io/api)
  for kind in gatewayclasses gateways httproutes grpcroutes referencegrants; do
    cp "$gateway/config/crd/standard/gateway.networking.k8s.io_$kind.yaml" "$folder/crds/"
  done
  cp "$istio/kubernetes/customresourcedefinitions.gen.yaml" "$folder/crds/istio.yaml"
}

build_once "$cache/kubernetes/$kubernetes" 'kube-apiserver, kube-controller-manager and helm'
