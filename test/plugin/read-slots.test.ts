import { expect, test } from '@jest/globals';
import type { Router, Slots } from '../../src/plugin/index.ts';
import { readSlots } from '../../src/plugin/read-slots.ts';
import { parseTraffic } from '../../src/routers/command/parse-traffic.ts';

/** Which version runs in which slot, as the router says. */

const versions = { blue: '2.4.0', green: '2.5.0' };
const { signal } = new AbortController();

function routerOf(slots: Slots | undefined): Router {
  return {
    setTraffic: () => Promise.resolve([]),
    readTraffic: () => Promise.resolve({}),
    readSlots: () => Promise.resolve(slots),
  };
}
const read = (slots: Slots | undefined, greenIsUp = true) =>
  readSlots(routerOf(slots), versions, { greenIsUp, signal });

test.each<[string, Slots, Slots]>([
  ['both are named', { '2.4.0': 'a', '2.5.0': 'b' }, { '2.4.0': 'a', '2.5.0': 'b' }],
  ['green takes the slot of an old version', { '2.4.0': 'a', '2.3.0': 'b' }, { '2.4.0': 'a', '2.5.0': 'b' }],
  ['others are named as well', { '2.4.0': 'a', '2.5.0': 'c', '2.3.0': 'b' }, { '2.4.0': 'a', '2.5.0': 'c' }],
])('%s', async (_name, said, slots) => {
  expect(await read(said)).toEqual(slots);
});

test('before green is deployed, only blue has to have one', async () => {
  expect(await read({ '2.4.0': 'a' }, false)).toEqual({ '2.4.0': 'a' });
});

test.each<[string, Slots | undefined, RegExp]>([
  ['nothing', undefined, /does not say which version runs in which: let router\.status print \{"traffic"/],
  ['no slot of blue', { '2.5.0': 'b' }, /in which slot 2\.4\.0 runs, only \{"2\.5\.0":"b"\}/],
  ['no slot of green', { '2.4.0': 'a' }, /in which slot 2\.5\.0 runs/],
  ['two slots that green may have', { '2.4.0': 'a', '2.3.0': 'b', '2.2.0': 'c' }, /in which slot 2\.5\.0 runs/],
  ['one slot for both', { '2.4.0': 'a', '2.5.0': 'a' }, /2\.4\.0 and 2\.5\.0 both run in the slot "a"/],
])('a router that says %s is refused', async (_name, slots, words) => {
  await expect(read(slots)).rejects.toMatchObject({
    type: 'MetricsUnavailable',
    message: expect.stringMatching(words),
  });
});

test('a status command prints slots beside the traffic', () => {
  const printed = { traffic: { '2.4.0': 100 }, slots: { '2.4.0': 'a', '2.5.0': 'b' } };
  expect(parseTraffic(JSON.stringify(printed))).toEqual(printed);
  expect(() => parseTraffic('{"traffic": {"2.4.0": 100}, "slots": {"2.4.0": 1}}')).toThrow(/at slots\.2\.4\.0/);
});
