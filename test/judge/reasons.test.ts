import { expect, test } from '@jest/globals';
import { createJudge } from '../../src/judge/judge.ts';
import type { Judgement } from '../../src/judge/judgement.ts';
import type { JudgeRules } from '../../src/judge/rules.ts';
import { thresholdJudge } from '../../src/judge/threshold.ts';
import { recordedHistories, recordedHistory } from '../support/history.ts';
import { clustered, poisson, seeded } from '../support/random.ts';
import { evidenceRules } from './sequential-support.ts';
import { counts, rules as literalRules } from './support.ts';

/** A reason is read at night: its numbers have to support what it claims. */

/** What a reason claims, checked by its own numbers; the claim that they contradict, if one is. */
function contradiction(reason: string): string | undefined {
  return reason
    .split(/; (?=green (?:failed|took))/)
    .map(contradictionOf)
    .find(Boolean);
}

function contradictionOf(part: string): string | undefined {
  const share = (of: RegExp) => Number(of.exec(part)?.[1] ?? Number.NaN);
  const green = share(/^green [^;]*? requests \(([\d.e-]+) %\) in \d+ s;/);
  const limit = share(/the limit is ([\d.e-]+) %/);
  const blue = share(/; blue [^;]*? requests \(([\d.e-]+) %\)/);
  if (Number.isNaN(green) || Number.isNaN(limit)) return `no share, time or limit: ${part}`;
  if (part.includes('green is worse than blue')) return green > blue ? undefined : `not worse than blue: ${part}`;
  return green > limit ? undefined : `not over the limit: ${part}`;
}

test('the check itself finds a reason that reads as its opposite', () => {
  const watered =
    'green failed 23 of 691 requests (3.33 %) in 69 s; the limit is 5 %; blue 0 of 688 requests (0 %); green is over its limit: chance of this by luck under 1 in 1,000';
  expect(contradiction(watered)).toMatch(/^not over the limit/);
  expect(contradiction(watered.replace('green is over its limit', 'green is worse than blue'))).toBeUndefined();
  expect(contradiction('green failed 23 of 691 requests (3.33 %); the limit is 5 %')).toMatch(/^no share, time/);
});

interface Case {
  readonly rules: JudgeRules;
  readonly seconds: number;
  readonly perSecond: number;
  readonly base: number;
  readonly fault: number;
  readonly onset: number;
  readonly cluster: number;
  readonly seed: number;
}

function breachIn({ rules, seconds, perSecond, base, fault, onset, cluster, seed }: Case): Judgement | undefined {
  const judge = createJudge(rules);
  const random = seeded(seed);
  const some = (share: number) => {
    const requests = poisson(perSecond * seconds, random);
    return { requests, bad: clustered(requests, share, cluster, random) };
  };
  const history = Array.from({ length: 60 }, () => {
    const requests = poisson(120 * perSecond, random);
    return counts({ requests, failed: clustered(requests, base, cluster, random) });
  });
  let state = judge.start(0, { soakMs: 600_000, greenShare: 0.5, history });
  for (let to = seconds; to <= 600; to += seconds) {
    const [green, blue] = [some(to > onset ? fault : base), some(base)];
    state = judge.observe(state, {
      from: (to - seconds) * 1_000,
      to: to * 1_000,
      green: counts({ requests: green.requests, failed: green.bad }),
      blue: counts({ requests: blue.requests, failed: blue.bad }),
    });
    const now = judge.judge(state, to * 1_000);
    if (now.verdict === 'breached') return now;
  }
  return undefined;
}

test('in every simulated breach the numbers of the reason support its claim', () => {
  const { latency: _, ...limits } = literalRules.limits;
  const kinds: JudgeRules[] = [{ ...literalRules, limits, batchMs: 30_000 }, evidenceRules];
  const found = new Map<string, number>();
  const wrong: string[] = [];
  let seed = 1;
  for (const rules of kinds)
    for (const seconds of [1, 15])
      for (const perSecond of [1, 40])
        for (const base of [0.001, 0.02])
          for (const fault of [0.03, 0.08, 0.2, 1])
            for (const onset of [0, 200])
              for (const cluster of [1, 8]) {
                seed += 1;
                const paced = rules.rule === 'sequential' ? { ...rules, pollMs: seconds * 1_000 } : rules;
                const breach = breachIn({ rules: paced, seconds, perSecond, base, fault, onset, cluster, seed });
                if (!breach) continue;
                const kind = breach.code ?? rules.rule;
                found.set(kind, (found.get(kind) ?? 0) + 1);
                wrong.push(...[contradiction(breach.reason) ?? []].flat());
              }
  expect(wrong).toEqual([]);
  expect(
    Math.min(...['limit-exceeded', 'worse-than-blue', 'threshold'].map((kind) => found.get(kind) ?? 0)),
  ).toBeGreaterThan(20);
});

test('and in every recorded one', () => {
  const reasons = recordedHistories().flatMap((name) => {
    const text = JSON.stringify(recordedHistory(name));
    const results = [...text.matchAll(/"data":"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) =>
      Buffer.from(data, 'base64'),
    );
    return results.flatMap((data) => breachesIn(data.toString()));
  });
  expect(reasons.length).toBeGreaterThan(0);
  expect(reasons.flatMap((reason) => contradiction(reason) ?? [])).toEqual([]);
});

/** The reasons of judged breaches in a payload; windows of scripted tests have other words, and no judge. */
function breachesIn(payload: string): string[] {
  if (!payload.startsWith('{"verdict":"breached"') && !payload.includes('"verdict":"breached"')) return [];
  const { verdict, reason } = JSON.parse(payload) as { verdict?: string; reason?: string };
  return verdict === 'breached' && reason !== undefined && reason.includes('the limit is') ? [reason] : [];
}

test('a latency breach says how slow, how many, over which time', () => {
  const judge = thresholdJudge({ ...literalRules, batchMs: 1_000, breachesInARow: 1 });
  const slow = { from: 0, to: 10_000, green: counts({ requests: 100, slow: 30 }), blue: counts({ requests: 100 }) };
  const { reason } = judge.judge(judge.observe(judge.start(0), slow), 10_000);
  expect(contradiction(reason)).toBeUndefined();
});
