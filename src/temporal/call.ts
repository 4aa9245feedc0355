import type { NativeConnection } from '@temporalio/worker';

/** A worker's way to the server, for what its activities ask of it. */
export interface Namespace {
  readonly connection: NativeConnection;
  readonly namespace: string;
}

const CALL_TIMEOUT_MS = 10_000;
/** gRPC's code. */
const NOT_FOUND = 5;

/** A call of the server's API, with a timeout of ten seconds. */
export function call<Answer>({ connection }: Namespace, ask: () => Promise<Answer>): Promise<Answer> {
  return connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, ask);
}

/** The same; nothing where the server knows no such workflow, or no longer. */
export async function callIfFound<Answer>(at: Namespace, ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call(at, ask);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === NOT_FOUND) return undefined;
    throw error;
  }
}
