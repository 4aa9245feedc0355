import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import { errorCode, redact } from '../util/index.ts';
import { type ApiAnswer, UnusableConfig } from './connection.ts';
import type { ObjectRef, Resource } from './resources.ts';

const SHOWN = 400;

/** What the API server answers to a request that it refuses. */
interface Status {
  readonly reason?: string;
  readonly message?: string;
}

/** `Deployment shop/rec-green` */
export function nameOf({ resource, namespace, name }: ObjectRef): string {
  return `${resource.kind} ${namespace}/${name}`;
}

/** @param action such as `patch Deployment shop/rec-green` */
export function refusal(action: string, answer: ApiAnswer): ApplicationFailure {
  const { reason, message } = statusOf(answer);
  const said = redact(message ?? `HTTP status ${answer.status}`).slice(0, SHOWN);
  return failure(`could not ${action}: ${said}${whatToDo(answer.status, said)}`, { status: answer.status, reason });
}

/** The API server could not be asked, or not in time. Names no address. */
export function unreachable(action: string, error: unknown, timedOutMs?: number): ApplicationFailure {
  if (error instanceof UnusableConfig)
    return failure(
      `could not ${action}: the worker's access to the cluster cannot be used: ${redact(error.message).slice(0, SHOWN)}; correct workload.cluster, or the worker's kubeconfig`,
      {},
    );
  const why =
    timedOutMs === undefined
      ? `cannot be reached (${errorCode(error) ?? 'the connection broke'})`
      : `did not answer within ${timedOutMs / 1_000} s`;
  return failure(`could not ${action}: the Kubernetes API server ${why}`, {});
}

/** The HTTP status with which the API server refused; undefined for other errors, and where it did not answer. */
export function refusedWith(error: unknown): number | undefined {
  const [details]: readonly unknown[] = error instanceof ApplicationFailure ? (error.details ?? []) : [];
  const status = (details as { readonly status?: unknown } | undefined)?.status;
  return typeof status === 'number' ? status : undefined;
}

/** The object was changed by somebody else since it was read. */
export function isConflict(error: unknown): boolean {
  return refusedWith(error) === 409;
}

function statusOf({ body }: ApiAnswer): Status {
  return typeof body === 'object' && body !== null ? body : {};
}

function whatToDo(status: number, said: string): string {
  if (status === 401) return "; renew the worker's credentials for the cluster";
  if (status === 403 && /cannot \w+ resource/.test(said))
    return '; "bluegreen runbook validate --probe FILE" on the worker prints the Role that it needs';
  if (status === 403 && /exceeded quota/.test(said)) return '; raise the ResourceQuota, or free some of it';
  return '';
}

function failure(message: string, details: { readonly status?: number; readonly reason?: string | undefined }) {
  return ApplicationFailure.create({ message, type: FAILURE.CommandFailed, nonRetryable: true, details: [details] });
}

/** `/apis/apps/v1/namespaces/shop/deployments` */
export function pathOf({ apiVersion, plural }: Resource, namespace?: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${plural}`;
}
