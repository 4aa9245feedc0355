export interface RunbookTemplate {
  readonly service: string;
  readonly environment: string;
  readonly prometheus: string;
  readonly requests: string;
  readonly latency: string;
  readonly versionLabel: string;
  readonly codeLabel: string;
}

/** A runbook with every part that a first deployment needs, as YAML with comments. It is valid as it stands. */
export function runbookTemplate(values: RunbookTemplate): string {
  const { service, environment, prometheus, requests, latency, versionLabel, codeLabel } = values;
  return `# How ${service} is deployed to ${environment}. docs/runbook.md has every key. Check an edit with:
#   bluegreen runbook validate FILE
service: ${service}
environment: ${environment}

# Change this: your own programs. They run on the worker, without a shell; {placeholders} are filled in. A program may run
# twice with the same arguments. It exits with 0 when it is done.
workload:
  kind: command
  # After it, green runs without traffic.
  deploy: [./deploy.sh, --service, "{service}", --version, "{version}"]
  # Change this: green answers here before it gets traffic. If the answer shows the version, add contains: "{version}".
  health: { url: "http://127.0.0.1:8080/versions/{version}/healthz" }
router:
  kind: command
  # After it, green gets this percentage of the traffic.
  shiftTraffic: [./shift-traffic.sh, --service, "{service}", --percentage, "{percentage}"]
  # After it, blue has all traffic. It may stop green, too; or name a program for that with workload.stop.
  rollback: [./rollback.sh, --service, "{service}"]
  # Prints the percentage of each version as JSON: {"traffic": {"2.4.0": 50, "2.5.0": 50}}. With it, every shift is read back.
  status: [./traffic-status.sh, --service, "{service}"]

# Change this: the series of this service, with a label that holds the version. \`bluegreen rehearse\` tests the limits on their past.
metrics:
  kind: prometheus
  url: ${JSON.stringify(prometheus)}
  selector: { service: ${service} }
  requests: ${requests} # a counter
  latency: ${latency} # a histogram, in seconds
  versionLabel: ${versionLabel}
  codeLabel: ${codeLabel} # holds the HTTP status; 5xx count as failed
  poll: 15s # as often as Prometheus scrapes

# Green is rolled back when it breaks one of these, or is worse than blue.
limits:
  errorRate: 5%
  latency: { quantile: 0.95, under: 500ms }

# 50 % for ten minutes, then a person approves, then 100 %.
traffic:
  - { percentage: 50, soak: 10m, approval: { required: 1, timeout: 4h } }
  - { percentage: 100, soak: 30m }

recovery: { target: 90s }

# Checked before anything is changed. docs/checks.md has databases, alerts, load tests and your own programs.
checklist:
  - id: platform
    title: The programs are there, and blue has all traffic
    group: Platform
    critical: true
    kind: platform-ready
  - id: monitoring
    title: A release that fails one request in ten would be found
    group: Monitoring
    critical: true
    kind: deployment-monitoring
    detect: 10%
`;
}
