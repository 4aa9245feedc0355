/** Where the objects are: `s3://bucket/prefix?endpoint=https://minio.internal:9000&region=eu-west-1`. */
export interface S3Address {
  readonly bucket: string;
  /** Without slashes around it; may be empty. */
  readonly prefix: string;
  readonly region: string;
  /** Of the server, without the bucket: objects are addressed by path, which every S3 understands. */
  readonly endpoint: string;
}

const EXPECTED = 's3://bucket/prefix?region=eu-west-1, with &endpoint=https://... for a server other than AWS';
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PARAMETERS = new Set(['endpoint', 'region']);

/** @throws Error that says what is wrong with the URL and does not repeat it */
export function s3Address(text: string, env: NodeJS.ProcessEnv, variable: string): S3Address {
  const wrong = (what: string) => new Error(`${variable}: ${what}; expected ${EXPECTED}`);
  if (!URL.canParse(text)) throw wrong('this is no URL');
  const url = new URL(text);
  if (url.username || url.password)
    throw wrong('the URL holds a user or a password: put the keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  if (!BUCKET.test(url.hostname)) throw wrong(`"${url.hostname}" is no name of a bucket`);
  for (const name of url.searchParams.keys())
    if (!PARAMETERS.has(name)) throw wrong(`the parameter "${name}" is unknown`);
  const region = url.searchParams.get('region') ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1';
  const endpoint =
    url.searchParams.get('endpoint') ??
    env['AWS_ENDPOINT_URL_S3'] ??
    env['AWS_ENDPOINT_URL'] ??
    `https://s3.${region}.amazonaws.com`;
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw wrong('the endpoint is no http or https URL');
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  return { bucket: url.hostname, prefix, region, endpoint: endpoint.replace(/\/+$/, '') };
}
