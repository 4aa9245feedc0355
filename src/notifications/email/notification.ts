import { z } from 'zod';
import { notificationKind } from '../../plugin/index.ts';
import { envName } from '../../runbook/index.ts';
import { errorCode, readVariable } from '../../util/index.ts';
import { problemsOf } from '../settings.ts';
import { emailMessage } from './message.ts';

/** One attempt to notify has 15 s. */
const TIMEOUT_MS = 5_000;
const address = z.string().regex(/^[^\s@<>,]+@[^\s@<>,]+$/, 'expected an e-mail address');

export const emailNotification = notificationKind({
  kind: 'email',
  summary: 'An e-mail by SMTP.',
  schema: (base) =>
    base
      .extend({
        host: z.string().min(1).describe('The SMTP server.'),
        port: z.int().min(1).max(65_535).default(587).describe('Its port: 587 for `starttls`, 465 for `tls`.'),
        encryption: z
          .enum(['starttls', 'tls', 'none'])
          .default('starttls')
          .describe(
            '`starttls` sends nothing without it; `tls` encrypts from the start; `none` is for a relay on the same machine.',
          ),
        userEnv: envName.optional().describe('The variable of the worker that holds the user.'),
        passwordEnv: envName.optional().describe('The variable of the worker that holds the password.'),
        from: address.describe('The sender.'),
        to: z.array(address).min(1).describe('The recipients.'),
      })
      .refine(({ userEnv, passwordEnv }) => (userEnv === undefined) === (passwordEnv === undefined), {
        path: ['passwordEnv'],
        message: 'expected userEnv and passwordEnv together, or none of them',
      }),
  secretKeys: ['userEnv', 'passwordEnv'],
  create: ({ host, port, encryption, userEnv, passwordEnv, from, to }, { env }) => ({
    async notify(message, signal) {
      signal.throwIfAborted();
      const { createTransport } = await import('nodemailer'); // only workers that send mail need it
      const transport = createTransport({
        host,
        port,
        secure: encryption === 'tls',
        requireTLS: encryption === 'starttls',
        ignoreTLS: encryption === 'none',
        connectionTimeout: TIMEOUT_MS,
        greetingTimeout: TIMEOUT_MS,
        socketTimeout: TIMEOUT_MS,
        dnsTimeout: TIMEOUT_MS,
        ...(userEnv !== undefined &&
          passwordEnv !== undefined && { auth: { user: valueOf(userEnv, env), pass: valueOf(passwordEnv, env) } }),
      });
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      try {
        await Promise.race([transport.sendMail({ from, to, ...emailMessage(message) }), aborted]);
      } catch (error) {
        signal.throwIfAborted();
        throw new Error(`the SMTP server ${whyNot(error, { userEnv, passwordEnv })}`, { cause: error });
      } finally {
        transport.close();
      }
    },
    preflight: async () =>
      problemsOf(
        Object.fromEntries([userEnv, passwordEnv].flatMap((name) => (name ? [[name, () => valueOf(name, env)]] : []))),
      ),
  }),
});

function valueOf(variable: string, env: NodeJS.ProcessEnv): string {
  const value = readVariable(env, variable);
  if (value) return value;
  throw new Error(`the worker's variable ${variable} is not set, expected what the SMTP server is logged in with`);
}

/** In words of our own: messages of the library and of servers name hosts, users and recipients. */
function whyNot(
  error: unknown,
  { userEnv, passwordEnv }: { userEnv?: string | undefined; passwordEnv?: string | undefined },
) {
  const { responseCode } = error as { readonly responseCode?: number };
  const answer = responseCode === undefined ? '' : ` (SMTP status ${responseCode})`;
  const code = errorCode(error);
  // Not every server says so to the login.
  const wantsLogin = userEnv === undefined && (code === 'EAUTH' || responseCode === 530);
  if (wantsLogin) return `wants a user and a password${answer}: name them as userEnv and passwordEnv`;
  switch (code) {
    case 'EAUTH':
      return `does not accept the user and the password of ${userEnv} and ${passwordEnv}${answer}`;
    case 'EENVELOPE':
      return `does not accept the sender or a recipient${answer}`;
    case 'ETLS':
      return `cannot be spoken to with TLS${answer}: check "encryption", and its certificate`;
    case 'ETIMEDOUT':
      return `did not answer within ${TIMEOUT_MS / 1_000} s`;
    default:
      return responseCode === undefined
        ? `could not be reached (${code ?? 'no connection'})`
        : `refused the message${answer}`;
  }
}
