import { expect, test } from '@jest/globals';
import { useSmtpServers } from '../support/smtp.ts';
import { notifying } from './support.ts';

const serve = useSmtpServers();
const MAIL = {
  kind: 'email',
  host: '127.0.0.1',
  encryption: 'none',
  from: 'deploy@shop.example',
  to: ['a@shop.example', 'b@shop.example'],
};

function headerOf(mail: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, 'im').exec(mail)?.[1]?.trim();
}

test('an e-mail says what happened, what to run and where to look; one thread per deployment, one id per notification', async () => {
  const mails: string[] = [];
  const { port } = await serve({ onMail: (mail) => mails.push(mail) });
  const notify = notifying([{ ...MAIL, port }]);
  await notify('gate-opened', { text: 'It is healthy and waits.' });
  await notify('rollback-stalled', { severity: 'critical' });
  const [first = '', second = ''] = mails;
  expect(headerOf(first, 'subject')).toBe('shop 2.5.0 in production: waits for approval, 50 % of the traffic');
  expect(headerOf(second, 'subject')).toBe('[critical] shop 2.5.0 in production: rollback stalled');
  expect(headerOf(first, 'to')).toBe('a@shop.example, b@shop.example');
  expect(first).toContain('It is healthy and waits.');
  expect(first).toContain('bluegreen approve --service shop');
  expect(first.replaceAll('=\r\n', '')).toContain('https://temporal.example/namespaces/default/workflows/');
  expect(headerOf(first, 'references')).toMatch(/^<[0-9a-f]{32}@bluegreen\.invalid>$/);
  expect(headerOf(first, 'references')).toBe(headerOf(second, 'references'));
  expect(headerOf(first, 'message-id')).toMatch(/^<[0-9a-f]{32}@bluegreen\.invalid>$/);
  expect(headerOf(first, 'message-id')).not.toBe(headerOf(second, 'message-id'));
});

test('an SMTP server that is down at first gets the mail when it is back, with one id', async () => {
  const mails: string[] = [];
  const { port, close } = await serve({});
  await close();
  const notify = notifying([{ ...MAIL, port }]);
  await expect(notify('started')).rejects.toThrow('notification 1 of 1 (email): the SMTP server could not be reached');
  await serve({ port, onMail: (mail) => mails.push(mail) });
  await notify('started');
  expect(mails).toHaveLength(1);
});

test('without encryption where the runbook wants it, nothing is sent', async () => {
  const mails: string[] = [];
  const { port } = await serve({ onMail: (mail) => mails.push(mail) });
  const notify = notifying([{ ...MAIL, port, encryption: 'starttls' }]);
  await expect(notify('started')).rejects.toThrow(/the SMTP server cannot be spoken to with TLS/);
  expect(mails).toEqual([]);
});

test('a certificate that the worker does not trust is refused, and the password is not sent', async () => {
  const logins: string[] = [];
  const { port } = await serve({
    tls: 'self-signed',
    login: ['deploy', 'hunter2-token'],
    onLogin: (user) => logins.push(user),
  });
  const login = { userEnv: 'MAIL_USER', passwordEnv: 'MAIL_PASSWORD' };
  const env = { MAIL_USER: 'deploy', MAIL_PASSWORD: 'hunter2-token' };
  const notify = notifying([{ ...MAIL, ...login, port, encryption: 'starttls' }], env);
  await expect(notify('started')).rejects.toThrow(
    /the SMTP server (cannot be spoken to with TLS|could not be reached)/,
  );
  expect(logins).toEqual([]);
});

test.each([
  [{}, 'wants a user and a password'],
  [
    { userEnv: 'MAIL_USER', passwordEnv: 'MAIL_PASSWORD' },
    'does not accept the user and the password of MAIL_USER and MAIL_PASSWORD',
  ],
])('a login that is refused names the variables, never their values: %j', async (login, problem) => {
  const { port } = await serve({ login: ['deploy', 'another password'] });
  const env = { MAIL_USER: 'deploy', MAIL_PASSWORD: 'hunter2-token' };
  const failure = await notifying(
    [{ ...MAIL, ...login, port }],
    env,
  )('started').then(
    () => Promise.reject(new Error('it was delivered')),
    (error: unknown) => String(error),
  );
  expect(failure).toContain(problem);
  expect(failure).not.toMatch(/hunter2|127\.0\.0\.1/);
});
