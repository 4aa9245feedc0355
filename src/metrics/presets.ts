/** Placeholder until the presets are merged. */
export const PRESETS: Readonly<Record<string, { readonly keys: Readonly<Record<string, unknown>> }>> = {
  istio: {
    keys: {
      requests: 'istio_requests_total',
      codeLabel: 'response_code',
      latency: 'istio_request_duration_milliseconds',
    },
  },
};
