import { notificationKind } from '../../plugin/index.ts';
import { fillPlaceholders, findPrograms, runCommand } from '../../processes/index.ts';
import { command, commandEnv, duration } from '../../runbook/index.ts';

/** A program that notifies people, such as a shell script around a pager's own command. */
export const commandNotification = notificationKind({
  kind: 'command',
  summary: 'The worker runs a program, without a shell.',
  secretKeys: ['command'],
  schema: (base) =>
    base.extend({
      command: command('severity', 'text', 'event', 'command', 'link', 'service', 'environment', 'version').describe(
        'The program. `{severity}` is info, warning or critical; `{text}` is the message; `{command}` and `{link}` may be empty.',
      ),
      env: commandEnv,
      timeout: duration.prefault('10s').describe('The longest that the program may take.'),
    }),
  create: ({ command: words, env, timeout: timeoutMs }) => ({
    async notify({ key, severity, text, event = '', command: asked = '', link = '', target }, signal) {
      const { service, environment, green: version } = target;
      const result = await runCommand({
        name: 'the notification',
        command: fillPlaceholders(words, {
          severity,
          text,
          event,
          command: asked,
          link,
          service,
          environment,
          version,
        }),
        env,
        operation: { id: `notify/${key}`, attempt: 1 },
        run: { signal, heartbeat() {} },
        timeoutMs,
      });
      const { exitCode, outputTail } = result;
      if (exitCode !== 0) throw new Error(`the program ended with exit code ${exitCode}: ${outputTail.slice(-300)}`);
    },
    async preflight() {
      const [program = ''] = words;
      return (await findPrograms([{ key: 'notifications.command', program }], { key: 'notifications.env', names: env }))
        .problems;
    },
  }),
});
