import { randomUUID } from 'node:crypto';
import type { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { execa } from 'execa';
import { resolveTemporalCli } from '../../src/local-temporal/temporal-cli.ts';
import { eventually } from '../processes/support.ts';
import { testAddress } from '../support/temporal.ts';

const KEYWORD = 2;

/** A namespace of its own with these search attributes, and none of ours: so many Keywords, or names with their types. */
export async function newNamespace(
  connection: Connection,
  has: number | Readonly<Record<string, number>> = 0,
): Promise<string> {
  const namespace = `ns-${randomUUID()}`;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  await eventually(() => typesIn(connection, namespace));
  const searchAttributes =
    typeof has === 'number'
      ? Object.fromEntries(Array.from({ length: has }, (_, number) => [`Team${number}`, KEYWORD]))
      : { ...has };
  const names = Object.keys(searchAttributes);
  if (names.length === 0) return namespace;
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  await eventually(async () => {
    const types = await typesIn(connection, namespace);
    return names.every((name) => name in types) ? true : undefined;
  });
  return namespace;
}

export async function typesIn(connection: Connection, namespace: string): Promise<Record<string, number>> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return customAttributes ?? {};
}

/** Runs the commands that a notice gives, as somebody would who frees `Team0`. */
export async function follow(notice: string): Promise<void> {
  const cli = await resolveTemporalCli();
  // In the worker's log the time and the level come first.
  for (const [, line = ''] of notice.matchAll(/^.*?(  temporal .*)$/gm))
    await execa(
      'bash',
      [
        '-c',
        line
          .trim()
          .replace(/^temporal/, '"$CLI"')
          .replace('NAME', 'Team0'),
      ],
      {
        env: { CLI: cli, TEMPORAL_ADDRESS: testAddress() },
      },
    );
}
