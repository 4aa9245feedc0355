//go:build tools

// Package tools pins the version of the Temporal server that `npm run bench -- cluster` builds.
package tools

import (
	_ "go.temporal.io/server/cmd/server"
	_ "go.temporal.io/server/cmd/tools/sql"
)
