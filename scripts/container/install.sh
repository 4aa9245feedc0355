#!/usr/bin/env bash
# Installs a packed bluegreen into an empty folder, with the versions of package-lock.json: what the image has in /app.
# Usage, from the repository's folder: install.sh bluegreen-0.1.0.tgz /app
set -euo pipefail
package=$1
target=$2
mkdir -p "$target"
tar -xzf "$package" -C "$target" --strip-components=1
cp package-lock.json "$target/"
(cd "$target" && npm ci --omit=dev --omit=optional --omit=peer --ignore-scripts --no-audit --no-fund --prefer-offline)
# Temporal's SDK brings its native part for every platform.
for release in "$target"/node_modules/@temporalio/core-bridge/releases/*; do
  case $release in
  *"/$(uname -m)-unknown-linux-gnu") ;;
  *) rm -rf "$release" ;;
  esac
done
chmod +x "$target/dist/cli/bin.js" # npm does so only where it installs the package itself
chmod -R go+rX "$target"
