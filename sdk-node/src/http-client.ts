// Segment's way to bring a client for HTTP of one's own, and what its listeners are shown.
// Invariant: types only, but for the one wrapper; bodies are text.

export interface HttpClientRequest {
  url: string;
  method: 'POST';
  headers: Record<string, string>;
  body: string;
  /** How long the request may take, ms. */
  httpRequestTimeout: number;
}

export interface HttpClientResponse {
  status: number;
  statusText?: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: Segment's type, which clients are written against
  headers?: Record<string, any> | { get(name: string): string | null; entries(): Iterable<[string, any]> };
  text?: (() => Promise<string>) | undefined;
}

/** An object with `makeRequest`, as Segment's `HTTPClient`. */
export interface HttpClient {
  makeRequest(request: HttpClientRequest): Promise<HttpClientResponse>;
}

/** A function like fetch, as Segment's `HTTPFetchFn`. */
export type HttpFetch = (
  url: string,
  init: {
    method: 'POST';
    headers: Record<string, string>;
    body: string;
    // biome-ignore lint/suspicious/noExplicitAny: Segment's type, which clients are written against
    signal: any;
    /** A redirect is no answer: following one makes the POST a GET. */
    redirect: 'manual';
  },
) => Promise<HttpClientResponse>;

/** A request as `on('http_request', ...)` sees it: without the key. */
export interface HttpRequestEvent {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: string;
}

export interface HttpResponseEvent {
  status: number;
  statusText: string;
  url: string;
  body: string;
  headers: Record<string, string>;
}

/** Makes a client of a function like fetch; the time limit becomes a signal. */
export function toHttpClient(client: HttpClient | HttpFetch): HttpClient {
  if (typeof client !== 'function') return client;
  return {
    makeRequest: ({ url, method, headers, body, httpRequestTimeout }) =>
      client(url, {
        method,
        headers,
        body,
        signal: AbortSignal.timeout(httpRequestTimeout),
        redirect: 'manual',
      }),
  };
}
