import { messageOf } from '../util/index.ts';
/**
 * The inside of a sandbox process. It lives as long as the channel to its parent: when the parent ends it, or dies in
 * whatever way (SIGKILL too), the channel closes and the process cleans up and goes.
 */

export type ToParent =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'done'; readonly id: number; readonly error?: string };
export interface FromParent<Order> {
  readonly id: number;
  readonly order: Order;
}

export interface ChildProgram<Config, Order> {
  /** Resolves when the program works, to the port where it listens (0: none). Its errors are reported to the parent. */
  start(config: Config): Promise<number>;
  /** Carries out what the parent asks for. */
  obey(order: Order): Promise<void> | void;
  /** The last thing that is done, at most once; may come while `start` is under way. */
  end(): Promise<void>;
}

export const CONFIG_VARIABLE = 'BLUEGREEN_SANDBOX_CHILD';

/** Runs this process as a child of the sandbox. */
export function runChild<Config, Order>(program: ChildProgram<Config, Order>): void {
  let ending = false;
  const end = async (code: number): Promise<void> => {
    if (ending) return;
    ending = true;
    await program.end().catch((error: unknown) => console.error(error));
    process.exit(code);
  };
  const fail = (error: unknown): void => {
    console.error(error);
    tellParent({ kind: 'failed', message: messageOf(error) });
    void end(1);
  };

  process.on('disconnect', () => void end(0));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.on('message', (message: FromParent<Order>) => void carryOut(program, message));
  if (!process.connected) process.exit(0); // the parent died before this line was reached

  const config = JSON.parse(process.env[CONFIG_VARIABLE] ?? '{}') as Config;
  program
    .start(config)
    .then((port) => tellParent({ kind: 'ready', port }))
    .catch((error: unknown) => {
      if (!ending) fail(error);
    });
}

async function carryOut<Config, Order>(
  program: ChildProgram<Config, Order>,
  { id, order }: FromParent<Order>,
): Promise<void> {
  try {
    await program.obey(order);
    tellParent({ kind: 'done', id });
  } catch (error) {
    tellParent({ kind: 'done', id, error: messageOf(error) });
  }
}

function tellParent(message: ToParent): void {
  // The parent may be gone at any moment; then there is nobody to tell.
  if (process.connected) process.send?.(message, () => undefined);
}
