import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect } from '@jest/globals';
import { execa } from 'execa';
import { testAddress } from '../support/temporal.ts';

/** The program and its first argument: built once for the run, since it starts in half the time that its sources take. */
export const PROGRAM = [process.execPath, join(dirname(process.env['TEST_WORKER'] ?? ''), 'cli', 'bin.js')] as const;
const FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** What a command said, and how it ended. */
interface Said {
  readonly exitCode: number | undefined;
  readonly out: string;
  readonly err: string;
}

/** A command that may still run. */
interface Running {
  readonly ended: Promise<Said>;
  /** Resolves when it has printed this text; rejects when it ends without it. */
  prints(text: string): Promise<void>;
  /** What Ctrl-C does. */
  interrupt(): void;
  /** Its reader goes away, as `| head` does. */
  stopReading(): void;
}

export type CommandLine = (words: readonly string[], env?: Readonly<Record<string, string>>) => Running;

/**
 * `npm run bluegreen -- ...` as a process of its own, against the server of the test run. Whatever is run: nothing it says
 * may hold a stack trace or a character that rewrites a terminal. Commands still running when a test ends are killed.
 */
export function useCommandLine(): CommandLine {
  const running = new Set<{ kill(signal: NodeJS.Signals): void }>();
  afterEach(() => {
    for (const child of running) child.kill('SIGKILL');
    running.clear();
  });

  return (words, env = {}) => {
    const [node, file] = PROGRAM;
    const child = execa(node, [file, ...words], {
      cwd: FOLDER,
      env: {
        ...withoutSettings(process.env),
        npm_lifecycle_event: 'bluegreen',
        TEMPORAL_ADDRESS: testAddress(),
        ...env,
      },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      stripFinalNewline: false,
    });
    running.add(child);
    let printed = '';
    child.stdout.on('data', (chunk) => (printed += String(chunk)));

    const ended = child.then(({ exitCode, stdout, stderr }) => {
      running.delete(child);
      for (const text of [stdout, stderr]) {
        expect(text).not.toMatch(/^ {4}at /m);
        expect(text).not.toMatch(/[^\P{Cc}\n]/u);
      }
      return { exitCode, out: stdout, err: stderr };
    });
    return {
      ended,
      prints: (text) =>
        new Promise((resolve, reject) => {
          const look = (): void => (printed.includes(text) ? resolve() : undefined);
          child.stdout.on('data', look);
          ended.then(({ err }) => reject(new Error(`it ended without "${text}": ${printed}${err}`)), reject);
          look();
        }),
      interrupt: () => child.kill('SIGINT'),
      stopReading: () => child.stdout.destroy(),
    };
  };
}

/** A person's own settings are about another server and another queue; colours are for terminals. */
export function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^(TEMPORAL|BLUEGREEN)_|^FORCE_COLOR$/.test(name));
  return { ...Object.fromEntries(kept), TEMPORAL_CONFIG_FILE: '/no/such/file', NO_COLOR: '1' };
}
