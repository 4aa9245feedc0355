import type { EvidenceLine } from '../../domain/index.ts';
import { grouped, outOf, percent } from '../../format/index.ts';
import type { Limits } from '../../judge/index.ts';
import type { Finding } from '../../plugin/index.ts';
import { ENOUGH, perSecond, WHAT_TO_DO } from '../load-test/findings.ts';
import type { LoadReport } from './reports.ts';
import type { Config } from './schema.ts';

/** Fewer say nothing. */
const FEWEST_REQUESTS = 20;
const SHOWN_QUANTILES = [0.5, 0.9, 0.95, 0.99];

interface Line {
  readonly evidence: EvidenceLine;
  readonly problem?: { readonly what: string; readonly unblock: string } | false;
}

/** What the summary of a tool says about the target. */
export function judgeReport(
  report: LoadReport,
  { tool, requestsPerSecond, limits }: Pick<Config, 'tool' | 'requestsPerSecond'> & { readonly limits: Limits },
): Finding {
  const lines = [
    enough(report, tool),
    shareLine('failed', { part: report.failed, all: report.requests, limit: limits.errorRate }),
    ...(report.checks
      ? [
          shareLine('checks of its script failed', {
            part: report.checks.failed,
            all: report.checks.all,
            limit: limits.errorRate,
          }),
        ]
      : []),
    ...(limits.latency ? [latencyLine(report, limits.latency, tool)] : []),
    ...(requestsPerSecond === undefined ? [] : [rateLine(report, requestsPerSecond, tool)]),
  ];
  const shown = SHOWN_QUANTILES.flatMap((quantile) => {
    const ms = report.latencyMs(quantile);
    return ms === undefined ? [] : [`p${quantile * 100} ${milliseconds(ms)}`];
  });
  const evidence = [
    ...lines.map((line) => line.evidence),
    { what: 'latency', measured: shown.join(', '), source: tool },
  ];
  const problems = lines.flatMap(({ problem }) => problem || []);
  if (problems.length === 0) {
    const failed = `${percent(report.failed / report.requests)} of ${grouped(report.requests)} requests failed`;
    return {
      passed: true,
      summary: `the target sustained the load of ${tool}: ${failed}, ${shown.join(', ')}`,
      evidence,
    };
  }
  return {
    passed: false,
    summary: `under the load of ${tool}: ${problems.map(({ what }) => what).join('; ')}`,
    evidence,
    unblock: [...new Set(problems.map(({ unblock }) => unblock))].join('; '),
  };
}

function enough({ requests }: LoadReport, source: string): Line {
  return {
    evidence: { what: 'requests', measured: grouped(requests), required: `at least ${FEWEST_REQUESTS}`, source },
    problem: requests < FEWEST_REQUESTS && {
      what: `it sent ${grouped(requests)} requests, which is too few to say anything`,
      unblock: `let the command send at least ${FEWEST_REQUESTS} requests`,
    },
  };
}

function shareLine(
  what: string,
  { part, all, limit }: { readonly part: number; readonly all: number; readonly limit: number },
): Line {
  const measured = outOf(part, all);
  return {
    evidence: { what, measured, required: `at most ${percent(limit)}` },
    problem: part > limit * all + 1e-9 && {
      what: `${what}: ${measured}; the limit is ${percent(limit)}`,
      unblock: WHAT_TO_DO.errors,
    },
  };
}

function latencyLine(
  report: LoadReport,
  { quantile, underMs }: NonNullable<Limits['latency']>,
  tool: Config['tool'],
): Line {
  const ms = report.latencyMs(quantile);
  const what = `latency of ${percent(quantile)} of the requests`;
  const required = `at most ${underMs} ms`;
  if (ms === undefined) {
    const unblock =
      tool === 'k6'
        ? `add --summary-trend-stats="med,p(90),p(95),p(99),p(${quantile * 100}),max" to its command`
        : 'take quantile 0.5, 0.9, 0.95 or 0.99 in the limits of this check';
    return {
      evidence: { what, measured: `not in the summary of ${tool}`, required },
      problem: { what: `the summary has no latency of ${percent(quantile)} of the requests`, unblock },
    };
  }
  return {
    evidence: { what, measured: milliseconds(ms), required },
    problem: ms > underMs && {
      what: `${percent(quantile)} of the requests took up to ${milliseconds(ms)}; the limit is ${underMs} ms`,
      unblock: WHAT_TO_DO.latency,
    },
  };
}

function rateLine({ rate, requests, failed }: LoadReport, wanted: number, tool: string): Line {
  const least = ENOUGH * wanted;
  const evidence = {
    what: 'rate',
    required: `at least ${perSecond(least)}, ${percent(ENOUGH)} of ${perSecond(wanted)}`,
  };
  if (rate === undefined)
    return {
      evidence: { ...evidence, measured: `not in the summary of ${tool}` },
      problem: {
        what: 'the summary does not say the rate',
        unblock: 'take requestsPerSecond out of this check, or let the tool write it',
      },
    };
  return {
    evidence: { ...evidence, measured: perSecond(rate) },
    problem: rate < least && {
      what: `${tool} sent only ${perSecond(rate)} (${grouped(requests)} requests, ${grouped(failed)} failed)`,
      unblock: `let ${tool} send more (more users, a machine that is less busy), or give the target what it lacks, or correct requestsPerSecond`,
    },
  };
}

function milliseconds(ms: number): string {
  return `${Number(ms.toPrecision(3))} ms`;
}
