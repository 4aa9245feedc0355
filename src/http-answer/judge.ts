import type { EvidenceLine } from '../domain/index.ts';
import { fillPlaceholders } from '../processes/index.ts';
import { redact } from '../util/index.ts';
import type { Answer } from './ask.ts';

/** The keys of `answerKeys`, as a runbook has them. */
export interface ExpectedAnswer {
  readonly status?: number | undefined;
  readonly contains?: string | undefined;
  readonly header?: { readonly name: string; readonly contains: string } | undefined;
}

interface Judged {
  readonly passed: boolean;
  /** To go on after "it answered". */
  readonly found: string;
  readonly required: string;
  readonly evidence: readonly EvidenceLine[];
}

/** Whether an answer is the expected one. `values` fill the placeholders; `asked` is whose address it is. */
export function judgeAnswer(
  { status, headers, body }: Answer,
  expected: ExpectedAnswer,
  { values, asked }: { readonly values: Readonly<Record<string, string>>; readonly asked: 'blue' | 'green' },
): Judged {
  const statuses = expected.status === undefined ? '200 to 299' : String(expected.status);
  const isRight = expected.status === undefined ? status >= 200 && status <= 299 : status === expected.status;
  const { contains, header } = expected;
  const texts = [
    ...(contains === undefined ? [] : [findText(contains, body, { values, where: '' })]),
    ...(header === undefined
      ? []
      : [
          findText(header.contains, headers.get(header.name) ?? '', { values, where: ` in the header ${header.name}` }),
        ]),
  ];
  const withTexts = texts.length === 0 ? '' : ` with ${texts.map(({ text }) => text).join(' and ')}`;
  const missing = texts.filter(({ isFound }) => !isFound);
  const passed = isRight && missing.length === 0;
  const lacking = missing.map(({ text, near }) => `without ${text}${near}`).join(' and ');
  return {
    passed,
    found: !isRight
      ? `${status}, expected ${statuses}`
      : passed
        ? `${status}${withTexts}`
        : `${status}, but ${lacking}${otherVersion(missing, asked)}`,
    required: `${statuses}${withTexts}`,
    evidence: [
      { what: 'status of the answer', measured: String(status), required: statuses },
      ...texts.map(({ text, isFound }) => ({
        what: 'text of the answer',
        measured: `${isFound ? 'contains' : 'does not contain'} ${text}`,
        required: `contains ${text}`,
      })),
    ],
  };
}

interface FoundText {
  /** As it is shown: in quotes, with where it was searched. */
  readonly text: string;
  readonly isFound: boolean;
  readonly isVersion: boolean;
  /** A longer version that contains the expected one. */
  readonly near: string;
}

function findText(
  template: string,
  within: string,
  { values, where }: { readonly values: Readonly<Record<string, string>>; readonly where: string },
): FoundText {
  const [text = ''] = fillPlaceholders([template], values);
  const literal = text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const isFound = new RegExp(
    `${/^\{(version|blue)\}/.test(template) ? NO_VERSION_BEFORE : ''}${literal}${/\{(version|blue)\}$/.test(template) ? NO_VERSION_AFTER : ''}`,
  ).test(within);
  return {
    text: `${shown(text)}${where}`,
    isFound,
    isVersion: template.includes('{version}'),
    near: isFound || !within.includes(text) ? '' : ` (it has ${shown(wordAround(text, within))})`,
  };
}

function wordAround(text: string, within: string): string {
  const from = within.indexOf(text);
  const to = from + text.length;
  const before = /[\w.+-]*$/.exec(within.slice(Math.max(0, from - 50), from))?.[0] ?? '';
  const after = /^[\w.+-]*/.exec(within.slice(to, to + 50))?.[0] ?? '';
  return `${before}${text}${after}`;
}

/** A version is found only whole: 2.5.0 is neither in 12.5.0 nor in 2.5.0-rc.1, but in v2.5.0 and at the end of a sentence. */
const NO_VERSION_BEFORE = String.raw`(?<![0-9]|[0-9]\.)`;
const NO_VERSION_AFTER = String.raw`(?![A-Za-z0-9_+-]|\.[A-Za-z0-9])`;

/** A router may send the address of one version to the other. */
function otherVersion(missing: readonly FoundText[], asked: 'blue' | 'green'): string {
  if (!missing.some(({ isVersion }) => isVersion)) return '';
  return `; it may be ${asked === 'green' ? 'blue' : 'green'}'s answer`;
}

function shown(text: string): string {
  return JSON.stringify(redact(text).slice(0, 200));
}
