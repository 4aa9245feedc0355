import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority of a test's own, made by openssl. */
export interface CertificateAuthority {
  /** Its certificate, as a file. */
  readonly file: string;
  /** A certificate that it signed, and its key, as files. `days` may be negative: it has expired then. */
  issue(options: {
    readonly name: string;
    readonly names?: string;
    readonly days?: number;
    readonly passphrase?: string;
  }): {
    readonly cert: string;
    readonly key: string;
  };
}

export function createAuthority(folder: string, name: string): CertificateAuthority {
  const at = join(folder, name);
  mkdirSync(at);
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: at, stdio: 'pipe' });
  openssl('req', '-x509', '-days', '2', '-nodes', '-subj', `/CN=${name}`, '-keyout', 'ca.key', '-out', 'ca.crt');
  let count = 0;
  return {
    file: join(at, 'ca.crt'),
    issue({ name: subject, names, days = 2, passphrase }) {
      const [key, request, cert, extensions] = ['key', 'csr', 'crt', 'ext'].map((end) =>
        join(at, `${count}.${end}`),
      ) as [string, string, string, string];
      count += 1;
      writeFileSync(extensions, names === undefined ? '' : `subjectAltName=${names}\n`);
      const secrecy = passphrase === undefined ? ['-nodes'] : ['-passout', `pass:${passphrase}`];
      openssl('req', '-new', '-subj', `/CN=${subject}`, '-keyout', key, '-out', request, ...secrecy);
      const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', extensions];
      openssl('x509', '-req', '-in', request, '-days', String(days), '-out', cert, ...signed);
      return { cert, key };
    },
  };
}
