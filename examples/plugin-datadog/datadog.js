import { metricsUnavailable, readVariable } from 'bluegreen/plugin';

/** Nobody waits longer for a rate limit: a soak would go blind. */
const LONGEST_REST_MS = 60_000;
const SHOWN = 200;

/**
 * The API of Datadog, through its official client. That is large: it is loaded by the first question.
 * @param {{ site: string, url?: string, apiKeyEnv: string, appKeyEnv: string, bucket: number, timeout: number }} config
 * @param {NodeJS.ProcessEnv} env
 */
export function createDatadog(config, env) {
  let restUntil = 0;

  /** The client's own transport does not pass an abort on. */
  const transport = (ResponseContext, signal) => ({
    async send(request) {
      const response = await fetch(request.getUrl(), {
        method: request.getHttpMethod(),
        headers: request.getHeaders(),
        body: request.getBody(),
        signal,
      });
      if (response.status === 429) rest(response.headers.get('x-ratelimit-reset'));
      const text = await response.text();
      return new ResponseContext(response.status, Object.fromEntries(response.headers), {
        text: async () => text,
        binary: async () => Buffer.from(text),
      });
    },
  });

  function rest(seconds) {
    const ms = Number(seconds) * 1_000;
    restUntil = Date.now() + Math.min(ms > 0 ? ms : config.timeout, LONGEST_REST_MS);
  }

  async function ask({ from, to, queries }, signal) {
    const { client, v2 } = await import('@datadog/datadog-api-client');
    const configuration = client.createConfiguration({
      authMethods: { apiKeyAuth: secret(config.apiKeyEnv), appKeyAuth: secret(config.appKeyEnv) },
      httpApi: transport(client.ResponseContext, signal),
      baseServer: new client.ServerConfiguration(config.url ?? `https://api.${config.site}`, {}),
    });
    const attributes = {
      from,
      to,
      interval: config.bucket,
      queries: queries.map(({ counts, query }) => ({ dataSource: 'metrics', name: counts, query })),
    };
    const body = { data: { type: 'timeseries_request', attributes } };
    return new v2.MetricsApi(configuration).queryTimeseriesData({ body });
  }

  function secret(name) {
    const value = readVariable(env, name)?.trim();
    if (value) return value;
    throw new Error(`the variable ${name} is not set on this worker`);
  }

  return {
    /**
     * @returns series, times and values, as in the API.
     * @throws ApplicationFailure `MetricsUnavailable`, or the signal's reason.
     */
    async query(question, signal) {
      signal.throwIfAborted();
      if (Date.now() < restUntil) throw metricsUnavailable(throttled(restUntil));
      try {
        const answer = await ask(question, AbortSignal.any([signal, AbortSignal.timeout(config.timeout)]));
        if (answer.errors) throw new Error(`it answered with errors: ${String(answer.errors).slice(0, SHOWN)}`);
        const attributes = answer.data?.attributes;
        if (!attributes) throw new Error('its answer has no data');
        return attributes;
      } catch (error) {
        signal.throwIfAborted();
        throw metricsUnavailable(error.code === 429 ? throttled(restUntil) : `Datadog: ${describe(error, config)}`);
      }
    },
  };
}

function throttled(until) {
  return `Datadog limits the rate of questions: ${Math.ceil((until - Date.now()) / 1_000)} s more to wait. Raise metrics.poll`;
}

/** What went wrong, without any address or key. */
function describe(error, { apiKeyEnv, appKeyEnv, timeout }) {
  if (error.name === 'TimeoutError') return `no answer within ${timeout / 1_000} s`;
  if (error.code === 401 || error.code === 403)
    return (
      `it refused the keys (HTTP status ${error.code}): check ${apiKeyEnv}, ${appKeyEnv}, metrics.site and the ` +
      'permission timeseries_query'
    );
  if (error.code === 400) return `it refused the question: ${String(error.body?.errors?.join('; ')).slice(0, SHOWN)}`;
  if (typeof error.code === 'number') return `HTTP status ${error.code}`;
  if (error instanceof TypeError) return `it cannot be reached (${error.cause?.code ?? error.message})`;
  return String(error.message).slice(0, SHOWN);
}
