import { expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { render } from '../../src/report/render.ts';
import { reportJsonSchema, reportSchema } from '../../src/report/schema.ts';
import { recordedHistories, recordedHistory } from '../support/history.ts';
import { activitiesThen, sentThen } from '../support/sent.ts';
import { HOSTILE, refused, rolledBack } from './support.ts';

const validate = new Ajv({ allErrors: true, strict: false }).compile(reportJsonSchema());

function complaints(report: unknown): unknown[] {
  const { error } = reportSchema.safeParse(report);
  validate(report);
  return [...(error?.issues ?? []), ...(validate.errors ?? [])];
}

test.each([
  ['rolled back', rolledBack(HOSTILE)],
  ['without polls', rolledBack('words', [])],
  ['refused', refused()],
])('what is written as JSON is as the schema says: %s', async (_, document) => {
  expect(complaints(JSON.parse(await render('json', document)))).toEqual([]);
});

test('the report inside every recorded history is as the schema says, and is the one that was written', () => {
  let seen = 0;
  for (const name of recordedHistories()) {
    const history = recordedHistory(name);
    const written = activitiesThen(history).filter(({ sent }) => sent.type === 'writeReport');
    for (const { sent } of written) {
      const { report } = sent.arguments[0] as { report: unknown };
      expect({ name, complaints: complaints(report) }).toEqual({ name, complaints: [] });
      const last = sentThen(history).at(-1);
      const kept = last?.what === 'completed' ? last.result[0] : last?.what === 'failed' ? last.details[0] : report;
      expect({ name, kept }).toEqual({ name, kept: report });
      seen += 1;
    }
  }
  expect(seen).toBeGreaterThan(30);
});

test.each([
  ['a key that is not documented', { more: 1 }],
  ['a key that is missing', { summary: undefined }],
  ['another version', { schemaVersion: 2 }],
])('%s is none', (_, change) => {
  expect(complaints(JSON.parse(JSON.stringify({ ...rolledBack(), ...change })))).not.toEqual([]);
});
