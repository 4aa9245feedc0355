import { z } from 'zod';
import { duration, httpUrl, type RouterBase } from '../../runbook/index.ts';

const haproxyName = z.string().regex(/^[\w.:-]+$/, 'expected a name as in haproxy.cfg');

const slot = z.strictObject({
  servers: z.array(haproxyName).min(1).describe('The servers of this slot, by their names in the backend.'),
  version: httpUrl('service').describe(
    'An address of the application in this slot that answers with its version. It is asked each time.',
  ),
});

const LONGEST_DRAIN_MS = 10_000;

export const schema = (base: RouterBase) =>
  base.extend({
    sockets: z
      .array(z.string().regex(/^\/|^.+:\d{1,5}$/, 'expected the path of a socket, or host:port'))
      .min(1)
      .describe(
        'The runtime API of each HAProxy that has a part of the traffic: the path of its stats socket, or `host:port`. It needs `level admin`. All are changed together.',
      ),
    backend: haproxyName.describe('The backend with the servers of both slots.'),
    slots: z
      .record(z.string().min(1), slot)
      .refine((slots) => Object.keys(slots).length === 2, 'expected two slots that take turns')
      .describe('The two slots that take turns. Which version is in which is read from the application.'),
    versionPattern: z
      .string()
      .refine(isPattern, 'expected a regular expression with one group, such as "version":"([^"]+)"')
      .default('^\\s*(\\S+)\\s*$')
      .describe('Finds the version in the answer: a regular expression with one group. By default the whole answer.'),
    drain: duration
      .prefault('5s')
      .refine((ms) => ms <= LONGEST_DRAIN_MS, 'expected 10s at most: blue is proven healthy afterwards')
      .describe(
        'How long a rollback waits for the requests that green still has, before it stops green. They end sooner as a rule; connections that stay open, such as WebSockets, take all of it.',
      ),
    stateFile: z
      .string()
      .regex(/^\//, 'expected an absolute path')
      .optional()
      .describe(
        "The `server-state-file` of HAProxy on the worker's machine. It is written after each change, so that a reload or a restart keeps the weights. It must not be below /run, which a reboot empties. Without it they go back to the weights in haproxy.cfg.",
      ),
  });

function isPattern(text: string): boolean {
  try {
    return new RegExp(`${text}|`).exec('')?.length === 2;
  } catch {
    return false;
  }
}

export type Config = z.output<ReturnType<typeof schema>>;
