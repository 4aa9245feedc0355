import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { checklistBegun, checkMeasured, closed, opened, planned } from '../../src/domain/transitions.ts';
import { renderDetails } from '../../src/workflows/details.ts';
import { type DeploymentHandle, rolledBack, useTemporal } from '../support/temporal.ts';
import { CHECKS, failed, planFor, world } from '../support/world.ts';

const temporal = useTemporal();

/** A signal as the wire has it, whatever its payloads are: the clients of the SDK would only send JSON. */
async function signalRaw({ workflowId }: DeploymentHandle, signalName: string, ...payloads: Payload[]): Promise<void> {
  await temporal.client().workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
    signalName,
    input: { payloads },
    requestId: randomUUID(),
    identity: 'somebody',
  });
}

interface Payload {
  readonly metadata: Record<string, Uint8Array>;
  readonly data: Uint8Array;
}

function payload(encoding: string | undefined, data: string | Uint8Array): Payload {
  const metadata: Record<string, Uint8Array> = encoding === undefined ? {} : { encoding: Buffer.from(encoding) };
  return { metadata, data: Buffer.from(data) };
}

const ANA = '{"by":"ana"}';
const DEEP = `${'['.repeat(900_000)}${']'.repeat(900_000)}`;

/** None of these may be taken, and none may keep the deployment from going on. */
const UNREADABLE: readonly [what: string, name: string, ...payloads: Payload[]][] = [
  ['protobuf, as the UI offers it', 'approve', payload('json/protobuf', ANA)],
  ['broken JSON', 'reject', payload('json/plain', '{by: ana')],
  ['no encoding', 'abort', payload(undefined, ANA)],
  ['an unknown encoding', 'attest', payload('x'.repeat(10_000), ANA)],
  ['bytes', 'waive', payload('binary/plain', new Uint8Array(100_000))],
  ['a second argument that is none', 'reject', payload('json/plain', '5'), payload('?', '5')],
  ['no argument', 'abort'],
  ['2 MB', 'approve', payload('json/plain', JSON.stringify({ by: 'x'.repeat(1_900_000) }))],
  ['900,000 lists in each other', 'recheck', payload('json/plain', DEEP)],
  ['the same as a name', 'approve', payload('json/plain', `{"by":${DEEP}}`)],
  ['a prototype', 'approve', payload('json/plain', '{"by":"ana","__proto__":{"taken":true}}')],
  ['half a letter', 'approve', payload('json/plain', '{"by":"ana","\\ud83d":1}')],
  ['an unknown name', 'never-heard-of', payload('?', ANA)],
  ["a name of the SDK's own kind", '__temporal_anything', payload('json/plain', ANA)],
  ['a name that is a query', '__stack_trace', payload('json/plain', ANA)],
];

test('no signal can stall a deployment: what cannot be read is ignored, said and counted', async () => {
  await temporal.deploy(world().activities, async ({ handle, untilPhase, status }) => {
    await untilPhase('awaiting-approval');
    for (const [, name, ...payloads] of UNREADABLE) await signalRaw(handle, name, ...payloads);
    await expect(handle.signal('approve', { by: 'x'.repeat(2_200_000) })).rejects.toThrow(); // the server's own limit

    const { phase, decisions, forgottenDecisions } = await status();
    expect(phase).toBe('awaiting-approval');
    expect(decisions.filter(({ taken }) => taken)).toEqual([]);
    const known = UNREADABLE.filter(([, name]) => !/^never|^__/.test(name));
    expect(decisions.length + forgottenDecisions).toBe(known.length);
    expect(decisions[0]?.why).toBe(
      'approve: found "something that is not JSON", expected one JSON object such as {"by":"ana"}',
    );
    expect(JSON.stringify(decisions).length).toBeLessThan(10_000);

    await handle.signal('approve', { by: 'ana' });
    expect((await handle.result()).outcome).toBe('completed');
  });
});

test('an update that is nonsense is refused in few words, and the deployment goes on', async () => {
  await temporal.deploy(world().activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    const nonsense = [
      { action: 'x'.repeat(1_900_000) },
      { action: { toString: 1 } },
      { action: '\ud83d' },
      { action: 'approve', by: 'x'.repeat(1_900_000) },
      { action: 'approve', ['\ud83d'.repeat(100_000)]: 'x' },
      { action: 'waive', by: 'ana', check: ['load-test'], reason: 'x' },
      { action: 'approve', by: 'ana', gate: 'x'.repeat(101) },
      'approve',
      null,
    ];
    for (const one of nonsense) {
      const why = await handle.executeUpdate('decide', { args: [one] }).then(
        () => 'taken',
        (error: Error) => String(error.cause),
      );
      expect(why).toMatch(/expected|found/);
      expect(why.length).toBeLessThan(300);
    }
    await expect(handle.executeUpdate('__temporal_anything', { args: [1] })).rejects.toThrow();
    await handle.signal('approve', { by: 'ana' });
    expect((await handle.result()).outcome).toBe('completed');
  });
});

test('a name and a reason of any letters end in the report as they are, and break nothing on the way', async () => {
  const reason = '\u001b[2J \u202e <script>alert(1)</script> [x](javascript:1) \ud83d\ude80 \ud800';
  await temporal.deploy(world().activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    await handle.signal('abort', { by: '${ana}`id`', reason });
    const { type, report } = await rolledBack(handle);
    expect(type).toBe('DeploymentRolledBack');
    expect(report.decisions.at(-1)).toMatchObject({ taken: true, by: '${ana}`id`', reason });
  });
});

test('nothing that others wrote is markup in the details that the UI shows', () => {
  const hostile = '<img src=x> [link](javascript:1) **all is well** `x`';
  const plan = planFor({ service: 'shop', version: '2.5.0' });
  const withCheck = { ...plan, checklist: { ...plan.checklist, checks: [CHECKS.critical] } };
  const unread = opened({ service: hostile, version: hostile, environment: hostile }, 0);
  const checking = checklistBegun(planned(opened({ service: 'shop', version: '2.5.0' }, 0), withCheck), 1, 2);
  const waiting = checkMeasured(checking, CHECKS.critical.id, { ...failed(hostile), unblock: hostile });
  for (const status of [unread, waiting, closed(waiting, 'refused', `Aborted by ${hostile}: ${hostile}`, 3)]) {
    const details = renderDetails(status);
    expect(details).toContain('img src=x');
    expect(details).not.toMatch(/[^\\](<img|\[link|`x|\*\*all)/);
  }
});

test('a history that is filled with messages is rolled back while there is room for it', async () => {
  const { activities, asked } = world();
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    const large = payload('json/plain', JSON.stringify({ by: 'x'.repeat(1_900_000) }));
    for (let sent = 0; sent < 17; sent += 1) await signalRaw(handle, 'approve', large);
    const { report } = await rolledBack(handle);
    expect(report.rollback).toMatchObject({
      cause: 'history-full',
      reason: expect.stringMatching(/^Its history is nearly full \(3\d MB, \d+ events\)/),
    });
    expect(asked).toContain('restore 1');
  });
});
