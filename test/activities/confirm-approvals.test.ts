import { expect, test } from '@jest/globals';
import { confirmApprovals } from '../../src/activities/confirm-approvals.ts';
import type { Principals } from '../../src/domain/gate.ts';
import { begin } from './support/attempt.ts';

const target = { deployment: 'd', service: 'shop', environment: 'production', blue: '1', green: '2', digest: 'x' };

/** What became of the approval by `by`, the second signal of two, where the server recorded this. */
async function confirmed(principals: () => Promise<Principals>, asked: { by: string; notRequester?: true }) {
  const { by, ...rest } = asked;
  const input = { target, identity: 'principal', approvals: [{ by, at: 1, signal: 2 }], ...rest } as const;
  return begin(confirmApprovals({ env: {}, principals }), input).result;
}

const sent = (principal: string | undefined, by: string, starter?: string) => async (): Promise<Principals> => ({
  senders: [
    { principal: 'eve', by: 'ana' },
    { by, ...(principal !== undefined && { principal }) },
  ],
  ...(starter !== undefined && { starter }),
});

test('an approval counts if the server recorded its sender, and that is the name in it', async () => {
  expect(await confirmed(sent('Ana', 'ana'), { by: 'ana' })).toEqual({ answers: [{ by: 'ana' }] });
});

test.each([
  ['by somebody else', sent('eve', 'ana'), 'the approval in the name of ana was sent by eve'],
  ['without a sender', sent(undefined, 'ana'), 'the server recorded no authenticated sender of the approval by ana'],
  ['of another message', sent('ana', 'ben'), 'the server recorded no authenticated sender of the approval by ana'],
  ['that is not in the history', async () => ({ senders: [] }), 'the server recorded no authenticated sender'],
])('an approval %s does not count, and says why', async (_what, principals, why) => {
  expect(await confirmed(principals, { by: 'ana' })).toEqual({
    answers: [{ by: 'ana', why: expect.stringContaining(why) }],
  });
});

test('with notRequester, who started the deployment does not count, whatever name the request had', async () => {
  expect(await confirmed(sent('ana', 'ana', 'Ana'), { by: 'ana' })).toEqual({ answers: [{ by: 'ana' }] });
  expect(await confirmed(sent('ana', 'ana', 'Ana'), { by: 'ana', notRequester: true })).toEqual({
    answers: [{ by: 'ana', why: expect.stringContaining('ana started this deployment') }],
  });
});

test('a history that cannot be read is a problem, and no answer', async () => {
  const away = () => Promise.reject(new Error('the server is away'));
  expect(await confirmed(away, { by: 'ana' })).toEqual({ problem: 'the server is away' });
});
