/** What curl and most others read; in capitals, too. */
const NAMES = ['http_proxy', 'https_proxy'] as const;

/** Whether the environment names a proxy for HTTP requests. */
export function namesProxy(env: NodeJS.ProcessEnv = process.env): boolean {
  return NAMES.some((name) => Boolean(env[name] || env[name.toUpperCase()]));
}
