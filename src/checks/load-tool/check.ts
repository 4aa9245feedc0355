import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Check, type CheckContext, checkKind, type Finding } from '../../plugin/index.ts';
import { limitsOf } from '../load-test/limits.ts';
import { dataVolume } from '../postgres/data-volume.ts';
import { runProgram, SHOWN } from '../run-program.ts';
import { judgeReport } from './findings.ts';
import { HOW, type LoadReport, ReportError, readReport } from './reports.ts';
import { type Config, schema } from './schema.ts';

export const loadTool = checkKind({
  kind: 'load-tool',
  summary: 'Green keeps its limits under the load of k6, Vegeta or Locust.',
  schema,
  secretKeys: ['command'],
  databases: ({ dataVolume: volumes }) =>
    volumes.map(({ database }, index) => ({ path: ['dataVolume', index, 'database'], database })),
  create,
});

const LARGEST_REPORT_BYTES = 8 * 1_048_576;
/** k6 ends with it when a threshold of its script was crossed. */
const THRESHOLD_CROSSED = 99;

/**
 * A program of the runbook's sends the load; its JSON summary is judged by the limits as the load test of bluegreen is.
 * Failures are judged by the summary: that Locust ends with 1 after any failed request is no reason of its own.
 */
function create(config: Config): Check {
  return async (context) => {
    const volume = await dataVolume(config.dataVolume, context, context.run.signal);
    if (!volume.passed)
      return { ...volume, summary: `too little data on staging, no load was sent: ${volume.summary}` };
    const folder = await mkdtemp(join(tmpdir(), 'bluegreen-load-'));
    try {
      const finding = await underLoad(config, context, join(folder, 'report.json'));
      return { ...finding, evidence: [...finding.evidence, ...volume.evidence] };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

async function underLoad(config: Config, context: CheckContext, file: string): Promise<Finding> {
  const { id, tool, timeout } = config;
  const name = `the command of check ${id}`;
  const command = config.command.map((part) => part.replaceAll('{report}', file));
  const result = await runProgram(context, { command, env: config.env, name, timeoutMs: timeout });
  if ('notRun' in result)
    return unread(result.notRun, {
      measured: 'not run',
      tool,
      unblock: 'make the command run on the worker and end in its time, then check again',
    });
  const { exitCode, stdout, outputTail } = result;
  const isInFile = config.command.some((part) => part.includes('{report}'));
  let report: LoadReport;
  try {
    report = readReport(tool, isInFile ? await readFileOf(file) : stdout);
  } catch (error) {
    if (!(error instanceof ReportError)) throw error;
    const unblock = `let the command ${isInFile ? 'write to {report}' : 'print'} ${HOW[tool]}; the end of its output may say what failed`;
    const finding = unread(
      `${name} ended with exit code ${exitCode}, and its summary cannot be used: ${error.message}`,
      { measured: error.message, tool, unblock },
    );
    return outputTail === ''
      ? finding
      : {
          ...finding,
          evidence: [...finding.evidence, { what: 'end of its output', measured: outputTail.slice(-SHOWN) }],
        };
  }
  const finding = judgeReport(report, { ...config, limits: limitsOf(config, context) });
  return tool === 'k6' && exitCode === THRESHOLD_CROSSED ? withThreshold(finding) : finding;
}

function withThreshold(finding: Finding): Finding {
  const what = 'a threshold of its script was crossed';
  return {
    passed: false,
    summary: finding.passed ? `under the load of k6: ${what}` : `${finding.summary}; ${what}`,
    evidence: [
      ...finding.evidence,
      { what: 'exit code', measured: String(THRESHOLD_CROSSED), required: '0', source: 'k6' },
    ],
    unblock: [finding.unblock, "see in k6's output which threshold was crossed, and fix its cause"]
      .filter(Boolean)
      .join('; '),
  };
}

/** Nothing is known of the target. */
function unread(
  summary: string,
  { measured, tool, unblock }: { readonly measured: string; readonly tool: string; readonly unblock: string },
): Finding {
  return {
    passed: false,
    unmeasured: true,
    summary,
    evidence: [{ what: `summary of ${tool}`, measured, required: 'JSON' }],
    unblock,
  };
}

/** @throws ReportError */
async function readFileOf(file: string): Promise<string> {
  const handle = await open(file, 'r').catch(() => {
    throw new ReportError('the command did not write {report}');
  });
  try {
    const { size } = await handle.stat();
    if (size > LARGEST_REPORT_BYTES)
      throw new ReportError(`{report} is larger than ${LARGEST_REPORT_BYTES / 1_048_576} MB`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}
