#!/usr/bin/env bash
# Installs what some tests need, where it is missing, from Debian: Prometheus and Alertmanager for alerts and metrics,
# Chromium for Temporal's UI, HAProxy (with socat) and nginx (with mtail and curl) for deployments behind a real router,
# jq, openssl and psql for recipes of checks, MariaDB, PgBouncer and PostgreSQL (an older one than the tests' own) for checks
# of databases, and etcd and kubectl for tests on Kubernetes.
# Leaves no service of theirs running. As root, or in CI with sudo; elsewhere it says what to do and changes nothing.
set -euo pipefail

services=()
[ -n "${PROMETHEUS_PATH:-}" ] || command -v prometheus >/dev/null || services+=(prometheus)
[ -n "${ALERTMANAGER_PATH:-}" ] || command -v alertmanager >/dev/null || command -v prometheus-alertmanager >/dev/null ||
  services+=(prometheus-alertmanager)
PATH=$PATH:/usr/sbin # where Debian puts haproxy, nginx and pgbouncer
for service in haproxy nginx mtail pgbouncer; do
  command -v "$service" >/dev/null || services+=("$service")
done
command -v mariadbd >/dev/null || services+=(mariadb-server)
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || services+=(postgresql)
command -v etcd >/dev/null || services+=(etcd-server)
missing=("${services[@]}")
[ -n "${CHROMIUM_PATH:-}" ] || command -v chromium >/dev/null || missing+=(chromium)
for program in socat curl jq openssl; do
  command -v "$program" >/dev/null || missing+=("$program")
done
command -v psql >/dev/null || missing+=(postgresql-client)
command -v kubectl >/dev/null || missing+=(kubernetes-client)
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null; then
  echo "Not installed: ${missing[*]}. Put the programs on the PATH." >&2
  exit 0
elif [ ${#as_root[@]} -gt 0 ] && { [ "${CI:-}" != true ] || ! sudo -n true 2>/dev/null; }; then
  echo "Not installed: ${missing[*]}. As root: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 0
fi

echo "Installing ${missing[*]} ..."
# Debian starts a service when it is installed unless this file forbids it; a machine's own such file is left as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi

said=$(mktemp)
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@" >"$said" 2>&1 || {
    cat "$said" >&2
    return 1
  }
}
apt_get update || true # one list that cannot be had is no obstacle if the packages are in another
apt_get install --yes --no-install-recommends "${missing[@]}"
rm -f "$said"
# Nor do they start with the machine.
if [ -d /run/systemd/system ] && [ ${#services[@]} -gt 0 ]; then
  services=("${services[@]/#mariadb-server/mariadb}")
  "${as_root[@]}" systemctl disable --now --quiet "${services[@]/#etcd-server/etcd}"
fi
