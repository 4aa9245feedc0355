import { Agent, type Dispatcher, EnvHttpProxyAgent, setGlobalDispatcher } from 'undici';
import { namesProxy } from '../util/index.ts';

/** Never through a proxy: this machine, and where a cloud gives its machines and containers their credentials. */
const DIRECT = ['localhost', '127.0.0.1', '[::1]', '169.254.169.254', '169.254.170.2', '169.254.170.23'];

/**
 * Connections as these options say: through the proxy of HTTPS_PROXY or HTTP_PROXY, if they name one, except to what NO_PROXY names.
 * `connect.ca` is trusted for the server, not for the proxy.
 */
export function createDispatcher(
  options: Agent.Options & { readonly connect?: { readonly ca: string } } = {},
): Dispatcher {
  if (!namesProxy()) return new Agent(options);
  const { no_proxy: excluded = process.env['NO_PROXY'] } = process.env;
  return new EnvHttpProxyAgent({
    ...options,
    ...(options.connect && { requestTls: options.connect }),
    noProxy: [excluded, ...DIRECT].filter(Boolean).join(','),
    // Many proxies open tunnels to HTTPS servers only.
    proxyTunnel: false,
  });
}

/** Lets `fetch` use the same proxy. */
export function useProxy(): void {
  setGlobalDispatcher(createDispatcher());
}
