#!/usr/bin/env bash
# Builds what the tests on Kubernetes and `demo --kubernetes` run on, from the Go modules of kubernetes/go.mod:
# kube-apiserver, kube-controller-manager and helm, and the CRDs of Gateway API and Istio beside them. They go to a cache folder,
# which is the last line of the output; nothing is built if they are there. Needs Go; takes about five minutes of two cores.
set -euo pipefail
cd "$(dirname "$0")/kubernetes"

version_of() { awk -v module="$1" '$1 == module && $2 ~ /^v/ { print $2; exit }' go.mod; }
kubernetes=$(version_of k8s.io/kubernetes)
helm=$(version_of helm.sh/helm/v3)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bluegreen/kubernetes
target=$cache/$kubernetes

is_built() { cmp -s go.mod "$target/go.mod" && cmp -s go.sum "$target/go.sum"; } # they are copied last
if is_built; then
  echo "$target"
  exit 0
fi
command -v go >/dev/null || {
  echo "kube-apiserver, kube-controller-manager and helm are built with Go $(awk '$1 == "go" { print $2 }' go.mod) or newer. Install it, and run this again." >&2
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
minor=${kubernetes#v1.}
minor=${minor%%.*}
flags="-s -w"
for value in \
  k8s.io/component-base/version.gitVersion="$kubernetes" \
  k8s.io/component-base/version.gitMajor=1 \
  k8s.io/component-base/version.gitMinor="$minor" \
  helm.sh/helm/v3/internal/version.version="$helm" \
  helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
  helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor="$minor" \
  helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 \
  helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor="$minor"; do
  flags+=" -X $value"
done
CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "$flags" -o "$folder/" \
  k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager helm.sh/helm/v3/cmd/helm >&2

mkdir "$folder/crds"
go mod download sigs.k8s.io/gateway-api istio.io/api # nothing of theirs is in the programs
gateway=$(go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)
istio=$(go list -m -f '{{.Dir}}' istio.io/api)
for kind in gatewayclasses gateways httproutes grpcroutes referencegrants; do
  cp "$gateway/config/crd/standard/gateway.networking.k8s.io_$kind.yaml" "$folder/crds/"
done
cp "$istio/kubernetes/customresourcedefinitions.gen.yaml" "$folder/crds/istio.yaml"
cp go.mod go.sum "$folder/"
chmod -R u+w,go+rX "$folder"

rm -rf "$target"
mv "$folder" "$target"
echo "$target"
