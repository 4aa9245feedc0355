import { ask, judgeAnswer } from '../../http-answer/index.ts';
import { type Check, checkKind, type Finding } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';
import { placeholders } from '../placeholders.ts';
import { type Config, schema } from './schema.ts';

export const httpCheck = checkKind({
  kind: 'http',
  summary: 'An address gives the expected answer.',
  schema,
  secretKeys: ['url'],
  create,
});

const TIMEOUT_MS = 10_000;

/**
 * An address that gives the answer that the runbook expects. An address that does not answer has failed the check: whether
 * it answers is the question. Findings never contain the address: they end in a history.
 */
function create(config: Config): Check {
  const timeoutMs = Math.min(TIMEOUT_MS, config.timeout);
  return async ({ target, run }) => {
    const values = placeholders(target);
    const encoded = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encodeURIComponent(value)]));
    const [url = ''] = fillPlaceholders([config.url], encoded);
    run.heartbeat({ doing: 'asking' });
    const answer = await ask(url, { timeoutMs, signal: run.signal });
    if ('unanswered' in answer) return unanswered(answer.unanswered);
    const { passed, found, required, evidence } = judgeAnswer(answer, config, { values, asked: 'green' });
    return {
      passed,
      summary: `it answered ${found}`,
      evidence,
      ...(passed ? {} : { unblock: `it has to answer ${required}` }),
    };
  };
}

function unanswered(reason: string): Finding {
  return {
    passed: false,
    summary: `it did not answer: ${reason}`,
    evidence: [{ what: 'answer', measured: reason, required: 'an answer' }],
    unblock: 'start what should answer there, or correct the address of this check in the runbook',
  };
}
