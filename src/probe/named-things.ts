type Keys = Readonly<Record<string, unknown>>;

/** What a runbook names of the world outside, each with the path of its key, whatever the kinds are. */
export interface NamedThings {
  readonly variables: readonly { readonly key: string; readonly name: string }[];
  /** `caFile` is that of the same map. */
  readonly addresses: readonly { readonly key: string; readonly url: string; readonly caFile?: string }[];
  readonly programs: readonly { readonly key: string; readonly program: string }[];
}

/** Finds them by the names of their keys: `env` and `...Env`, `command`, and every http or https URL. */
export function namedThings(runbook: Keys): NamedThings {
  const variables: { key: string; name: string }[] = [];
  const addresses: { key: string; url: string; caFile?: string }[] = [];
  const programs: { key: string; program: string }[] = [];

  const lookAt = (value: unknown, path: string, own: string, parent: Keys): void => {
    if (typeof value === 'string') {
      if (/^env$|Env$/.test(own)) variables.push({ key: path, name: value });
      const { caFile } = parent;
      if (/^https?:\/\//.test(value))
        addresses.push({ key: path, url: value, ...(typeof caFile === 'string' && { caFile }) });
    } else if (Array.isArray(value)) {
      if (own === 'command') programs.push({ key: path, program: String(value[0]) });
      // What stands inside a command is the program's business.
      else if (own === 'env' || value.every((one) => !isArgument(one, own)))
        value.forEach((one, index) => lookAt(one, pathOf(path, index, one), own, parent));
    } else if (isKeys(value))
      for (const [key, one] of Object.entries(value)) lookAt(one, path === '' ? key : `${path}.${key}`, key, value);
  };
  lookAt(runbook, '', '', runbook);
  return { variables, addresses, programs };
}

/** Lists of texts are commands, but for those of variables and addresses. */
function isArgument(one: unknown, own: string): boolean {
  return typeof one === 'string' && !['targets', 'urls'].includes(own);
}

/** A check is known by its id. */
function pathOf(list: string, index: number, one: unknown): string {
  if (typeof one === 'string') return list;
  const name = isKeys(one) ? (one['id'] ?? one['name']) : undefined;
  return `${list}[${typeof name === 'string' ? name : index}]`;
}

function isKeys(value: unknown): value is Keys {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
