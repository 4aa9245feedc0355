#!/usr/bin/env bash
# Tries examples/haproxy, haproxy-servers or nginx on this machine: the router with two slots, customers, a worker and a deployment.
# Usage: examples/try/router.sh haproxy|haproxy-servers|nginx [good|fails|slow]
# Needs npm ci, and from Debian: haproxy and socat, or nginx and mtail. Root is not needed. Everything is in a temporary
# folder, and ends with the script. TEMPORAL_ADDRESS names a Temporal server; without it a local one is started.
# TRY_OFFSET=1000 adds 1000 to every port of the example, if one is taken. TRY_SERVICE gives the service another name.
set -euo pipefail
shopt -s extglob
router=${1:-} release=${2:-good} offset=${TRY_OFFSET:-0} service=${TRY_SERVICE:-shop}
case "$router $release" in
  haproxy\ @(good|fails|slow) | haproxy-servers\ @(good|fails|slow) | nginx\ @(good|fails|slow)) ;;
  *) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
esac
case $release in good) version=2.5.0 ;; *) version=2.5.0-$release ;; esac
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin
case $router in haproxy*) needed="haproxy socat curl" ;; nginx) needed="nginx mtail curl" ;; esac
for program in $needed; do
  command -v "$program" >/dev/null || { echo "$program is missing: apt-get install $program" >&2; exit 2; }
done

site=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for slot in "$site"/run/*.pid; do [ ! -e "$slot" ] || kill "$(cat "$slot")" 2>/dev/null || true; done
  wait
  rm -rf "$site"
}
trap finish EXIT
run() { "$@" >>"$site/log/$(basename "$1").log" 2>&1 & pids+=($!); }

# The example's files, with this folder and these ports. Minutes become seconds, and nobody has to approve.
port() { echo $(($1 + offset)); }
copy() { # FILE TARGET
  mkdir -p "$(dirname "$2")"
  sed -E "s#/(etc|run|usr/local|var/lib|var/log)/#$site/\1/#g
    s#^( *(bind|listen)) :?8080#\1 127.0.0.1:8080#
    s#soak: [0-9]+m#soak: 8s#; s#, approval: \{.*\} \}# }#; s#^service: .*#service: $service#; s#errorRate: 2%#errorRate: 10%#; s#poll: 5s#poll: 1s#" "examples/$router/$1" >"$2"
  for known in 8080 8405 8406 3903 9001 9002; do sed -i "s#127.0.0.1:$known#127.0.0.1:$(port $known)#g" "$2"; done
}
mkdir -p "$site"/{log,run,etc/default,usr/local/bin,var/lib/bluegreen,var/log/nginx}
copy runbook.yaml "$site/runbooks/runbook.yaml"
cat >>"$site/runbooks/runbook.yaml" <<'YAML'
judge: { burstTolerance: 1s, minRequests: 30 }
watch: { window: 4s, maxUnwatched: 1m, maxSoakFactor: 10 }
recovery: { pause: 2s, guard: 2s }
YAML
copy shop "$site/usr/local/bin/shop"

# Stands in for systemd: (re)starts the application of a slot, with the version that the script wrote.
cat >"$site/usr/local/bin/systemctl" <<SH
#!/usr/bin/env bash
set -euo pipefail
. "$site/etc/default/\$2"
case \$2 in shop-a) port=$(port 9001) ;; shop-b) port=$(port 9002) ;; esac
if [ -e "$site/run/\$2.pid" ]; then
  old=\$(cat "$site/run/\$2.pid")
  while kill "\$old" 2>/dev/null; do sleep 0.1; done
fi
VERSION=\$VERSION setsid "$(command -v node)" "$PWD/examples/try/application.mjs" "\$port" >>"$site/log/\$2.log" 2>&1 &
echo \$! >"$site/run/\$2.pid"
found=\$(curl -fsS --retry 30 --retry-delay 1 --retry-connrefused "http://127.0.0.1:\$port/healthz")
[ "\$found" = "\$VERSION" ] || { echo "port \$port is somebody else's: set TRY_OFFSET" >&2; exit 1; }
SH
chmod 755 "$site"/usr/local/bin/*
export PATH=$site/usr/local/bin:$PATH

for slot in shop-a shop-b; do echo VERSION=2.4.0 >"$site/etc/default/$slot"; systemctl restart "$slot"; done
case $router in
  haproxy*)
    for file in haproxy.cfg $(cd "examples/$router" && ls *.map); do copy "$file" "$site/etc/haproxy/$file"; done
    mkdir -p "$site/run/haproxy"
    run haproxy -db -f "$site/etc/haproxy/haproxy.cfg"
    ;;
  nginx)
    for file in slots.conf versions; do copy "$file" "$site/etc/nginx/shop/$file"; done
    copy shop.conf "$site/etc/nginx/conf.d/shop.conf"
    copy shop.mtail "$site/etc/mtail/shop.mtail"
    touch "$site/var/log/nginx/shop.log"
    {
      echo "worker_processes 1; pid $site/run/nginx; error_log $site/log/error.log; events {}"
      echo "http {"
      for each in client_body proxy fastcgi uwsgi scgi; do echo "  ${each}_temp_path $site/temp;"; done
      echo "  access_log off; include $site/etc/nginx/conf.d/*.conf;"
      echo "}"
    } >"$site/etc/nginx/nginx.conf"
    printf '#!/bin/sh\nexec %s -c %s "$@"\n' "$(command -v nginx)" "$site/etc/nginx/nginx.conf" >"$site/usr/local/bin/nginx"
    chmod 755 "$site/usr/local/bin/nginx"
    run "$site/usr/local/bin/nginx" -g 'daemon off;'
    run mtail --address 127.0.0.1 --port "$(port 3903)" --progs "$site/etc/mtail" --logs "$site/var/log/nginx/shop.log" \
      --emit_prog_label=false --logtostderr
    ;;
esac
curl -fsS --retry 30 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$(port 8080)/" >/dev/null
run node examples/try/customers.mjs "http://127.0.0.1:$(port 8080)/"

bluegreen() { node --import tsx scripts/bluegreen.ts "$@"; }
if [ -z "${TEMPORAL_ADDRESS:-}" ]; then
  run node --import tsx scripts/bluegreen.ts temporal --db "$site/temporal.db"
  until bluegreen list >/dev/null 2>&1; do sleep 1; done
fi
export BLUEGREEN_RUNBOOKS=$site/runbooks BLUEGREEN_STATE=$site/state
run node --import tsx scripts/bluegreen.ts worker
code=0
bluegreen start --service "$service" --version "$version" --watch || code=$?
case $router in
  haproxy-servers) echo "Traffic now: $(socat - "$site/run/haproxy/admin.sock" <<<'show servers state shop' | awk '$2 == "shop" { print $4 " weight " $8 }' | paste -sd,)" ;;
  *) echo "Traffic now: $(shop status)" ;;
esac
case "$release $code" in
  good\ 0 | fails\ 10 | slow\ 10) echo "As expected: $version ended with exit code $code." ;;
  *) echo "Not expected: $version ended with exit code $code." >&2; tail -n 5 "$site"/log/* >&2; exit 1 ;;
esac
