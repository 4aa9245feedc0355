import { cancel, group, intro, outro, text } from '@clack/prompts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import { nameProblem } from './options.ts';
import type { RunbookTemplate } from './runbook-template.ts';

const QUESTIONS: Readonly<Record<keyof RunbookTemplate, string>> = {
  service: 'Which service does it deploy?',
  environment: 'In which environment?',
  prometheus: 'What is the address of your Prometheus?',
  requests: 'Which counter counts its requests?',
  latency: 'Which histogram has their durations?',
  versionLabel: 'Which label holds the version?',
  codeLabel: 'Which label holds the HTTP status?',
};

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const NAME = { requests: METRIC, latency: METRIC, versionLabel: LABEL, codeLabel: LABEL };

/** Asks at the terminal for what was not given. @throws CliError when the person stops. */
export async function askRunbook(
  given: Partial<RunbookTemplate>,
  suggested: Omit<RunbookTemplate, 'service'>,
): Promise<RunbookTemplate> {
  intro('A runbook to start from. Enter keeps what is suggested.');
  const open = (Object.keys(QUESTIONS) as (keyof RunbookTemplate)[]).filter((key) => given[key] === undefined);
  const answers = await group(
    Object.fromEntries(
      open.map((key) => {
        const suggestion = key === 'service' ? '' : suggested[key];
        const answer = { placeholder: suggestion, defaultValue: suggestion };
        return [
          key,
          () => text({ message: QUESTIONS[key], ...answer, validate: (value) => problemOf(key, value || suggestion) }),
        ];
      }),
    ),
    {
      onCancel: () => {
        cancel('Nothing was written.');
        throw new CliError(EXIT.interrupted, 'Interrupted.');
      },
    },
  );
  outro('That is all.');
  return { ...suggested, service: '', ...given, ...answers };
}

function problemOf(key: keyof RunbookTemplate, value: string): string | undefined {
  if (value.trim() === '') return 'Expected an answer.';
  if (key === 'service' || key === 'environment') return nameProblem(value);
  if (key === 'prometheus')
    return /^https?:\/\/\S+$/.test(value) && URL.canParse(value) ? undefined : 'Expected an http or https URL.';
  if (!NAME[key].test(value)) return `Expected the name of a ${key.endsWith('Label') ? 'label' : 'metric'}.`;
  return undefined;
}
