import { SettingError } from './setting-error.ts';

/** A parameter of libpq as it was written. `secret`: its name may be a piece of a password, and is never shown. */
export interface Written {
  readonly name: string;
  readonly value: string;
  readonly secret: boolean;
}

const USER_OR_PASSWORD = 'the user or password of the URL';

export function isUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text);
}

/**
 * The parameters in a URL, split where libpq splits it. That is not where `new URL` does: libpq takes several hosts with
 * ports of their own, and `?`, `#`, `[` and `]` in a password.
 * @throws SettingError that names the character to encode, never the password.
 */
export function parseUrl(text: string): readonly Written[] {
  const rest = text.slice(text.indexOf('://') + '://'.length);
  const userInfo = /^([^@/]*)@/.exec(rest)?.[1];
  const place = userInfo === undefined ? rest : rest.slice(userInfo.length + 1);
  const [, hosts = '', name = '', query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(place) ?? [];
  refuseBrokenPassword({ hosts, name, hasUser: userInfo !== undefined });

  const [user = '', ...password] = (userInfo ?? '').split(':');
  const list = hosts.split(',').map(hostAndPort);
  const given = {
    user: decode(user, USER_OR_PASSWORD),
    password: decode(password.join(':'), USER_OR_PASSWORD),
    host: list.map(({ host }) => decode(host, 'the host of the URL')).join(','),
    port: list.map(({ port }) => port).join(','),
    dbname: decode(name, 'the name of the database in the URL'),
  };
  const written = Object.entries(given).map(([key, value]) => ({ name: key, value, secret: false }));
  return [...written.filter(({ value }) => /[^,]/.test(value)), ...parseQuery(query)];
}

/** An "@" after the user's is never meant: what stands there would be taken for a host and shown, and is a piece of a password. */
function refuseBrokenPassword(at: { readonly hosts: string; readonly name: string; readonly hasUser: boolean }): void {
  if (at.hosts.includes('@')) throw new SettingError(`${USER_OR_PASSWORD} holds "@": write it as %40`);
  if (!at.name.includes('@')) return;
  const which = at.hasUser ? '"@" or "/": write "@" as %40 and "/" as %2F' : '"/": write it as %2F';
  throw new SettingError(`${USER_OR_PASSWORD} holds ${which} (an "@" in the name of the database is %40 too)`);
}

function hostAndPort(text: string): { readonly host: string; readonly port: string } {
  const [, ipv6, name, port = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined)
    throw new SettingError(
      'a host of the URL has brackets in the wrong place: an IPv6 address is written as [::1]:5432',
    );
  if (!/^\d*$/.test(port))
    throw new SettingError(
      'a port in the URL is no number (not shown); if the password holds "/", write it as %2F; an IPv6 address is written as [::1]:5432',
    );
  return { host, port };
}

function parseQuery(query: string | undefined): readonly Written[] {
  if (query === undefined || query === '') return [];
  const secret = query.includes('@');
  return query.split('&').map((pair) => {
    const [name = '', value, more] = pair.split('=');
    if (value === undefined)
      throw new SettingError(
        'after the "?" of the URL stands something other than name=value; if the password holds "@", "/" or "?", write them as %40, %2F and %3F',
      );
    const decoded = decode(name, 'the name of a parameter in the URL');
    const shown = secret ? 'a parameter' : `the parameter ${decoded}`;
    if (more !== undefined) throw new SettingError(`${shown} of the URL holds a second "=": write it as %3D`);
    const plain = decode(value, `${shown} of the URL`);
    return decoded === 'ssl' && plain === 'true'
      ? { name: 'sslmode', value: 'require', secret }
      : { name: decoded, value: plain, secret };
  });
}

function decode(text: string, what: string): string {
  if (/\s/.test(text)) throw new SettingError(`${what} holds a blank: write it as %20`);
  if (/%(?![0-9a-f]{2})/i.test(text))
    throw new SettingError(`${what} holds a "%" without two hexadecimal digits after it: write "%" itself as %25`);
  if (text.includes('%00')) throw new SettingError(`${what} holds %00: PostgreSQL takes no zero byte`);
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SettingError(`${what} holds percent-encoded bytes that are not UTF-8`);
  }
}
