import { z } from 'zod';
import { refusal, request, type Server } from './http-client.ts';
import { explained, parseJson } from './parse-json.ts';

/** What is asked of an Alertmanager, by its API v2. Each throws as `ask` does. */
export interface Alertmanager {
  readonly name: string;
  /** Throws, saying why, unless its API answers, which it does as soon as it takes alerts. */
  ready(signal: AbortSignal): Promise<void>;
  /** Sending one with the same labels again changes it. */
  send(alert: NewAlert, signal: AbortSignal): Promise<void>;
  /** The alerts with this label that have not ended. */
  find(label: string, value: string, signal: AbortSignal): Promise<Alert[]>;
}

export interface NewAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Without it Alertmanager ends it by itself after its `resolve_timeout`. */
  readonly endsAt?: string;
}

const alert = z.object({
  receivers: z.array(z.object({ name: z.string() })),
  /** `suppressed`: silenced or inhibited, so nobody is notified. */
  status: z.object({ state: z.string() }),
});
export type Alert = z.output<typeof alert>;

export function alertmanager(server: Server): Alertmanager {
  return {
    name: server.name,
    async ready(signal) {
      const { status } = await request(server, { path: '/api/v2/status' }, signal);
      if (status !== 200) throw refusal(server, status);
    },
    async send(one, signal) {
      const answer = await request(server, { path: '/api/v2/alerts', body: [one] }, signal);
      if (answer.status !== 200) throw explained(server, answer);
    },
    async find(label, value, signal) {
      const filter = `${label}=${JSON.stringify(value)}`;
      const answer = await request(server, { path: '/api/v2/alerts', search: { filter } }, signal);
      return parseJson(server, answer, z.array(alert));
    },
  };
}
