import { metricsUnavailable, readVariable } from 'bluegreen/plugin';

const NAMESPACE = 'AWS/ApplicationELB';
/** More pages than any interval has: an answer that does not end is refused. */
const MOST_PAGES = 50;
const ATTEMPTS = 2;
const SHOWN = 200;

/**
 * GetMetricData of Amazon CloudWatch, through the official SDK, which the first question loads.
 * @param {{ region: string, endpoint?: string, credentials?: { accessKeyIdEnv: string, secretAccessKeyEnv: string,
 *   sessionTokenEnv?: string }, period: number, timeout: number }} config
 * @param {NodeJS.ProcessEnv} env
 */
export function createCloudWatch(config, env) {
  let connected;

  async function connect() {
    const { CloudWatchClient, GetMetricDataCommand } = await import('@aws-sdk/client-cloudwatch');
    const { region, endpoint, credentials } = config;
    const client = new CloudWatchClient({
      region,
      maxAttempts: ATTEMPTS,
      ...(endpoint && { endpoint }),
      ...(credentials && {
        credentials: {
          accessKeyId: secret(credentials.accessKeyIdEnv),
          secretAccessKey: secret(credentials.secretAccessKeyEnv),
          ...(credentials.sessionTokenEnv && { sessionToken: secret(credentials.sessionTokenEnv) }),
        },
      }),
    });
    return (input, abortSignal) => client.send(new GetMetricDataCommand(input), { abortSignal });
  }

  function secret(name) {
    const value = readVariable(env, name)?.trim();
    if (value) return value;
    throw new Error(`the variable ${name} is not set on this worker`);
  }

  async function ask({ from, to, questions }, signal) {
    connected ??= await connect();
    const input = {
      StartTime: new Date(from),
      EndTime: new Date(to),
      ScanBy: 'TimestampAscending',
      MetricDataQueries: questions.map(({ id, metric, stat, dimensions }) => ({
        Id: id,
        MetricStat: {
          Metric: {
            Namespace: NAMESPACE,
            MetricName: metric,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period: config.period / 1_000,
          Stat: stat,
        },
      })),
    };
    const points = new Map(questions.map(({ id }) => [id, []]));
    const statuses = new Map(questions.map(({ id }) => [id, 'no answer']));
    let token;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { MetricDataResults = [], NextToken } = await connected({ ...input, NextToken: token }, signal);
      for (const { Id, Timestamps = [], Values = [], StatusCode } of MetricDataResults) {
        points.get(Id)?.push(...Timestamps.map((time, index) => ({ at: time.getTime(), value: Values[index] })));
        statuses.set(Id, StatusCode);
      }
      token = NextToken;
      if (!token) break;
    }
    const [incomplete] = [...statuses].filter(([, status]) => status !== 'Complete');
    if (incomplete) {
      const { metric } = questions.find(({ id }) => id === incomplete[0]);
      throw new Error(`its answer for ${metric} is not complete (${incomplete[1]})`);
    }
    if (token) throw new Error(`its answer has more than ${MOST_PAGES} pages`);
    return points;
  }

  return {
    /**
     * @param {{ from: number, to: number, questions: { id: string, metric: string, stat: string,
     *   dimensions: Record<string, string> }[] }} question whole periods
     * @param {AbortSignal} signal
     * @returns {Promise<Map<string, { at: number, value: number }[]>>} by the id of the question; `at` is where a period begins.
     * @throws ApplicationFailure `MetricsUnavailable`, or the signal's reason.
     */
    async query(question, signal) {
      signal.throwIfAborted();
      const timeout = AbortSignal.timeout(config.timeout);
      try {
        return await ask(question, AbortSignal.any([signal, timeout]));
      } catch (error) {
        signal.throwIfAborted();
        const words = timeout.aborted ? `no answer within ${config.timeout / 1_000} s` : describe(error);
        throw metricsUnavailable(`CloudWatch: ${words}`);
      }
    },
  };
}

/** What went wrong, without the names of roles and accounts that AWS writes into its messages. */
function describe(error) {
  const { name } = error;
  if (/^Throttl|^RequestLimitExceeded/.test(name)) return 'it limits the rate of questions. Raise metrics.poll';
  if (name.startsWith('AccessDenied')) return "access denied: the worker's role needs cloudwatch:GetMetricData";
  if (/^(UnrecognizedClient|InvalidClientTokenId|ExpiredToken|SignatureDoesNotMatch|IncompleteSignature)/.test(name))
    return `AWS does not accept the worker's credentials (${name})`;
  if (name === 'CredentialsProviderError')
    return 'the worker has no AWS credentials: give it a role, or set metrics.credentials';
  if (error.$metadata?.httpStatusCode) return `${name}: ${String(error.message).slice(0, SHOWN)}`;
  if (error.code) return `it cannot be reached (${error.code})`;
  return String(error.message).slice(0, SHOWN);
}
