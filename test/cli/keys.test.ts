import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bindingsIn, KEYS, type KeyBinding } from '../../src/cli/keys/key-bindings.ts';
import { type Key, readKeys } from '../../src/cli/keys/parse-keys.ts';
import { dialogueLines, IDLE, type PromptState, type Reduced, reduce } from '../../src/cli/keys/prompt-state.ts';
import { availableDecisions } from '../../src/domain/available-decisions.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { decide, parseDecision, refusal } from '../../src/domain/decisions.ts';
import { type DeploymentStatus, PHASES } from '../../src/domain/status.ts';
import { checkMeasured, checkStarted, roundBegun, roundFailed } from '../../src/domain/transitions.ts';
import { statusIn } from '../support/status.ts';
import { failed } from '../support/world.ts';

const NOW = 1_800_000_000_000;
const ENTER: Key = { kind: 'enter' };
const ESCAPE: Key = { kind: 'escape' };

function typed(text: string): Key[] {
  return Array.from(text, (character) => ({ kind: 'character', text: character }));
}

/** What comes of these keys, one after the other. */
function after(keys: readonly Key[], offers: readonly KeyBinding[], from: PromptState = IDLE): Reduced {
  return keys.reduce<Reduced>(({ dialogue }, key) => reduce(dialogue, key, offers), { dialogue: from });
}

/** Three checks that wait for somebody: two failed, one of them critical, and one to be attested. */
function stuck(): DeploymentStatus {
  const status = statusIn('checking', NOW);
  return checkMeasured(checkStarted(status, 'pool-size'), 'pool-size', failed('pools are too small'));
}

test('a key asks, Enter sends: with the gate that was open and the reason as it was typed', () => {
  const offers = bindingsIn(statusIn('awaiting-approval', NOW));
  const asked = after(typed('alooks good '), offers);
  expect(asked.act).toBeUndefined();
  expect(dialogueLines(asked.dialogue, offers, { by: 'ana', leaving: 'leave' })).toEqual([
    '> approve shift-to-100 as ana',
    '  why (may stay empty): looks good ▏',
    '  Enter sends it, Esc does not',
  ]);
  expect(reduce(asked.dialogue, ENTER, offers)).toEqual({
    dialogue: { at: 'sending', words: 'approve shift-to-100' },
    act: { kind: 'send', choice: { action: 'approve', gate: 'shift-to-100', reason: 'looks good' } },
  });
});

test('Esc leaves without sending, and says so', () => {
  const offers = bindingsIn(statusIn('awaiting-approval', NOW));
  expect(after([...typed('xno'), ESCAPE], offers)).toEqual({ dialogue: { at: 'idle', note: 'Nothing was sent.' } });
});

test.each(PHASES)(
  'in %s whatever keys are pressed: no single one sends, and what is sent the workflow would take',
  (phase) => {
    const status = phase === 'checking' ? stuck() : statusIn(phase, NOW);
    const offers = bindingsIn(status);
    const key: fc.Arbitrary<Key> = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...typed('arxcmtwRq12390 z')) },
      {
        weight: 2,
        arbitrary: fc.constantFrom<Key>(ENTER, ESCAPE, { kind: 'backspace' }, { kind: 'clear' }, { kind: 'other' }),
      },
      { weight: 1, arbitrary: fc.string({ minLength: 2 }).map((text): Key => ({ kind: 'paste', text })) },
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 30 }), (keys) => {
        let dialogue: PromptState = IDLE;
        for (const one of keys) {
          const said: Reduced = reduce(dialogue, one, offers);
          if (said.act?.kind === 'send') {
            expect(dialogue.at).toBe('confirming');
            expect(one).toEqual(ENTER);
            const { action, ...rest } = said.act.choice;
            const decision = parseDecision(action, { ...rest, by: 'ana' });
            expect(refusal(status, decision as Decision)).toBeUndefined();
          }
          if (said.act?.kind === 'leave') expect(one).toEqual({ kind: 'character', text: 'q' });
          const lines = dialogueLines(said.dialogue, offers, { by: 'ana', leaving: 'leave' });
          expect(lines.join('\n')).not.toMatch(/undefined|\[object/);
          dialogue = said.act?.kind === 'send' ? IDLE : said.dialogue;
        }
      }),
    );
  },
);

/** Every phase, and the moments in which the two had come to differ. */
const MOMENTS: Record<string, DeploymentStatus> = {
  ...Object.fromEntries(PHASES.map((phase) => [phase, statusIn(phase, NOW)])),
  stuck: stuck(),
  approved: decide(statusIn('awaiting-approval', NOW), { action: 'approve', by: 'ana' }, NOW).status,
  'approved while soaking': decide(statusIn('soaking', NOW), { action: 'approve', by: 'ana' }, NOW).status,
  'aborted while checking': decide(stuck(), { action: 'abort', by: 'ana' }, NOW).status,
  'stalled with the traffic back': roundFailed(statusIn('rolling-back', NOW), 'the metrics cannot be read', NOW),
  'another round': roundBegun(roundFailed(statusIn('rolling-back', NOW), 'no metrics', NOW), 2, NOW),
};

test.each(Object.entries(MOMENTS))(
  "%s: the keys offer what Temporal's UI offers, and all of it would be taken",
  (_, status) => {
    const inWords = ({ action, gate, check, remedy }: Omit<Decision, 'by'>) =>
      [action, gate ?? check, remedy && 'with its remedy'].filter(Boolean).join(' ');
    const byKey = bindingsIn(status).flatMap(({ checks, ...offer }) =>
      checks ? checks.map(({ id }) => inWords({ ...offer, check: id })) : [inWords(offer)],
    );
    expect(byKey.toSorted()).toEqual(availableDecisions(status).map(inWords).toSorted());
    for (const answer of availableDecisions(status))
      expect(refusal(status, { ...answer, by: 'ben', reason: 'why' })).toBeUndefined();
  },
);

test('at a gate one may approve, reject or abort; once it is approved, reject or abort', () => {
  const actions = (status: DeploymentStatus | undefined) =>
    (status ? availableDecisions(status) : []).map(({ action }) => action);
  expect(actions(MOMENTS['awaiting-approval'])).toEqual(['approve', 'reject', 'abort']);
  expect(actions(MOMENTS['approved'])).toEqual(['reject', 'abort']);
  expect(actions(MOMENTS['stalled with the traffic back'])).toEqual(['retryRollback', 'acceptRecovery']);
});

test('a check is chosen by its number; a number that is none is explained', () => {
  const offers = bindingsIn(stuck());
  expect(offers.map(({ key, checks }) => `${key} ${checks?.map(({ id }) => id).join(' ') ?? ''}`.trim())).toEqual([
    'c indexes pool-size',
    't load-test',
    'w pool-size load-test',
    'x',
  ]);
  const asked = after([...typed('w7'), ENTER], offers);
  expect(dialogueLines(asked.dialogue, offers, { by: 'ana', leaving: 'leave' })).toEqual([
    '! there is no check 7: expected 1 to 2',
    'waive which check?   1 pool-size   2 load-test',
    'its number, then Enter (Esc leaves): ▏',
  ]);
  const confirming = after([...typed('1'), ENTER, ENTER], offers, asked.dialogue);
  expect(dialogueLines(confirming.dialogue, offers, { by: 'ana', leaving: 'leave' })).toEqual([
    '! waive needs a reason',
    '> waive pool-size as ana: pools are too small',
    '  why: ▏',
    '  Enter sends it, Esc does not',
  ]);
  expect(after([...typed('tested by hand'), ENTER], offers, confirming.dialogue).act).toEqual({
    kind: 'send',
    choice: { action: 'waive', check: 'pool-size', reason: 'tested by hand' },
  });
});

test('a key that does nothing now says why', () => {
  const soaking = bindingsIn({ ...statusIn('deploying', NOW) });
  const note = (key: string): unknown => after(typed(key), soaking).dialogue;
  expect(note('a')).toEqual({ at: 'idle', note: '"a": no gate is open: there is nothing to approve.' });
  expect(note('z')).toEqual({ at: 'idle', note: '"z": no such key.' });
  expect(note('constructor'[0] ?? '')).toEqual({ at: 'idle', note: '"c": there is no measured check to recheck.' });
  const offered = PHASES.flatMap((phase) => bindingsIn(phase === 'checking' ? stuck() : statusIn(phase, NOW)));
  for (const { key } of offered) expect(Object.keys(KEYS)).toContain(key);
});

test('what the deployment no longer asks for is not sent', () => {
  const { dialogue } = after(typed('afine'), bindingsIn(statusIn('awaiting-approval', NOW)));
  const later = bindingsIn(statusIn('rolling-back', NOW));
  expect(reduce(dialogue, ENTER, later)).toEqual({
    dialogue: {
      at: 'idle',
      note: 'The deployment has moved on: approve shift-to-100 is no longer possible. Nothing was sent.',
    },
  });
});

test('a paste is text, never commands', () => {
  const offers = bindingsIn(statusIn('awaiting-approval', NOW));
  expect(after([{ kind: 'paste', text: 'x\r' }], offers).dialogue).toMatchObject({
    at: 'idle',
    note: expect.stringMatching(/paste/),
  });
  expect(after([...typed('r'), { kind: 'paste', text: 'a q x ' }], offers)).toMatchObject({
    dialogue: { at: 'confirming', reason: 'a q x ' },
  });
});

test('the keyboard is read character by character; several characters at once are a paste, on one line', () => {
  const kinds = (piece: string) => readKeys('', piece).keys;
  expect(kinds('a')).toEqual([{ kind: 'character', text: 'a' }]);
  expect(kinds('ü')).toEqual([{ kind: 'character', text: 'ü' }]);
  expect(
    ['\r', '\u001b', '\u007f', '\u0015', '\u0003', '\u001b[A', '\u001a'].map((one) => kinds(one)[0]?.kind),
  ).toEqual(['enter', 'escape', 'backspace', 'clear', 'interrupt', 'other', 'other']);
  expect(kinds('xy\r\nrm -rf')).toEqual([{ kind: 'paste', text: 'xy rm -rf' }]);
});

test('a paste that the terminal marks is one, however it is cut into pieces, and Ctrl-C gets through in the midst of it', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z \r]{0,20}$/), fc.nat({ max: 30 }), (text, cut) => {
      const all = `\u001b[200~${text}\u001b[201~`;
      // A terminal does not cut its own mark apart.
      const at = Math.min(all.length - 6, Math.max(6, cut));
      const first = readKeys('', all.slice(0, at));
      const second = readKeys(first.rest, all.slice(at));
      expect([...first.keys, ...second.keys]).toEqual([{ kind: 'paste', text: text.replace(/\r+/g, ' ') }]);
      expect(readKeys(first.rest, '\u0003')).toEqual({ keys: [{ kind: 'interrupt' }], rest: '' });
    }),
  );
});
