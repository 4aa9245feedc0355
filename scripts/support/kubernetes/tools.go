//go:build tools

// Package tools names what build-kubernetes.sh takes from Go modules: programs, and modules for the CRDs in them.
package tools

import (
	_ "helm.sh/helm/v3/cmd/helm"
	_ "istio.io/api/networking/v1"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
