import type { RequestListener } from 'node:http';
import type { TestServer } from './http.ts';

/** A span as OTLP's JSON has it, as far as the tests look. */
interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** Of the resource it came from: the worker. */
  readonly service: string;
}

/** A collector that takes traces over OTLP/HTTP. */
export interface Collector {
  readonly origin: string;
  /** Everything that it was sent, as it came. */
  text(): string;
  spans(): Span[];
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

interface Traces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'service'>[] }[];
  }[];
}

export async function startCollector(serve: (listener: RequestListener) => Promise<TestServer>): Promise<Collector> {
  const bodies: string[] = [];
  const { origin } = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  return {
    origin,
    text: () => bodies.join('\n'),
    spans: () =>
      bodies
        .flatMap((body) => (JSON.parse(body) as Traces).resourceSpans)
        .flatMap(({ resource, scopeSpans }) => {
          const name = resource.attributes.find(({ key }) => key === 'service.name');
          const service = name?.value.stringValue ?? '';
          return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, service })));
        }),
  };
}
