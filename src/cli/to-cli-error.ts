import { isGrpcDeadlineError, isGrpcServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { noNamespace } from '../temporal/index.ts';
import { messageOf } from '../util/index.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';

/** Of gRPC's status codes, those that mean something to a person. */
const GRPC = { notFound: 5, denied: 7, unavailable: 14, unauthenticated: 16 } as const;

/** Any error as a message for a person. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  const why = firstLine(error);
  if (error instanceof NamespaceNotFoundError)
    return new CliError(EXIT.notFound, noNamespace(error.namespace), { cause: error });
  if (isGrpcDeadlineError(error))
    return new CliError(EXIT.unreachable, `The Temporal server did not answer in time (${why}). Try again.`, {
      cause: error,
    });
  switch (grpcCode(error)) {
    case GRPC.unavailable:
      return new CliError(EXIT.unreachable, `The Temporal server can no longer be reached: ${why}. Try again later.`, {
        cause: error,
      });
    case GRPC.denied:
    case GRPC.unauthenticated:
      return new CliError(
        EXIT.unreachable,
        `The Temporal server refuses this client: ${why}. Check TEMPORAL_API_KEY, TEMPORAL_NAMESPACE and the profile.`,
        { cause: error },
      );
    case GRPC.notFound:
      return new CliError(EXIT.notFound, `Not found: ${why}.`, { cause: error });
    default:
      return new CliError(EXIT.unexpected, `Unexpected error: ${why}`, { cause: error });
  }
}

/** The gRPC status code of an error of the client, or of one of its causes. */
export function grpcCode(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof Error && error.cause !== undefined ? grpcCode(error.cause) : undefined;
}

/** gRPC's codes of a call that got lost: cancelled, unknown, deadline exceeded, unavailable. */
const LOST = new Set([1, 2, 4, 14]);

/** Whether it is not known what became of the call: it may have arrived, and its answer not. */
export function isLost(error: unknown): boolean {
  return LOST.has(grpcCode(error) ?? -1);
}

/** The most informative line: the client's wrappers only say that something failed. */
export function firstLine(error: unknown): string {
  if (isGrpcServiceError(error) && error.details) return error.details.split('\n', 1)[0] ?? '';
  if (error instanceof Error && isGrpcServiceError(error.cause)) return firstLine(error.cause);
  const text = messageOf(error);
  return (text.split('\n', 1)[0] ?? '').replace(/\.$/, '');
}
