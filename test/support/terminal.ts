import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterEach } from '@jest/globals';
import { execa, execaSync } from 'execa';
import { PATIENCE_MS } from './patience.ts';

const PROGRAM = fileURLToPath(new URL('terminal.py', import.meta.url));
const PYTHON = process.env['PYTHON'] ?? 'python3';

/** How a command in a terminal ended. */
interface TerminalEnd {
  readonly exitCode: number;
  /** The terminal is as it was before: not raw any more. */
  readonly restored: boolean;
}

/** A command in a terminal of its own, 80 by 24. */
export interface Terminal {
  /** Resolves when this text was shown since the last time that `shows` resolved; without colours and cursor movements. */
  shows(text: string): Promise<void>;
  type(text: string): void;
  /** Makes it 40 by 12. */
  shrink(): void;
  /** Ends the command as `kill` does. */
  terminate(): void;
  /** Resolves when all that was written so far, with all control characters, is as wanted. */
  until(isWanted: (written: string) => boolean): Promise<void>;
  end(): Promise<TerminalEnd>;
}

/** Why there is no pseudo terminal on this machine, if so. */
export function missingTerminal(): string | undefined {
  const { exitCode } = execaSync(PYTHON, ['-c', 'import pty, fcntl, termios'], { reject: false });
  return exitCode === 0 ? undefined : `${PYTHON} with its module pty is missing`;
}

/** Commands still running when a test ends are killed. */
export function useTerminal(): (command: readonly string[], env: Readonly<Record<string, string>>) => Terminal {
  const running = new Set<{ kill(signal: NodeJS.Signals): void }>();
  afterEach(() => {
    for (const child of running) child.kill('SIGKILL');
    running.clear();
  });

  return (command, env) => {
    const child = execa(PYTHON, [PROGRAM, ...command], {
      env,
      extendEnv: false,
      reject: false,
      stdin: 'pipe',
      encoding: 'utf8',
    });
    running.add(child);
    let written = '';
    let seen = 0;
    child.stdout.on('data', (chunk) => (written += String(chunk)));
    const until = async (isWanted: () => boolean, problem: () => string): Promise<void> => {
      const deadline = Date.now() + PATIENCE_MS;
      while (!isWanted()) {
        if (Date.now() > deadline) throw new Error(problem());
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    };
    const unseen = () => stripVTControlCharacters(written.slice(seen));
    return {
      async shows(text) {
        await until(
          () => unseen().includes(text),
          () => `"${text}" was not shown: ${unseen()}`,
        );
        seen = written.length;
      },
      until: (isWanted) =>
        until(
          () => isWanted(written),
          () => `this was not wanted: ${JSON.stringify(written.slice(-4_000))}`,
        ),
      type: (text) => child.stdin.write(text),
      shrink: () => child.kill('SIGUSR1'),
      terminate: () => child.kill('SIGUSR2'),
      async end() {
        const { stderr } = await child;
        running.delete(child);
        return JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as TerminalEnd;
      },
    };
  };
}
