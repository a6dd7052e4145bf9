// Who is asking: the address behind trusted proxies, and the origin clients reach us at.
// Invariant: a forwarded header counts only for as many hops as the operator trusts.

/** What @hono/node-server hands along with a request; absent when `fetch` is called directly. */
export interface NodeBindings {
  incoming?: { socket?: { remoteAddress?: string | undefined } };
}

export interface CallerOptions {
  /** Proxies in front of us whose X-Forwarded-For is believed. */
  trustProxyHops: number;
  publicUrl: string | null;
}

export function addressOf(request: Request, env: unknown, { trustProxyHops }: CallerOptions): string | null {
  const bindings = (env ?? {}) as NodeBindings; // set by the server adapter or absent
  const socket = bindings.incoming?.socket?.remoteAddress ?? null;
  if (trustProxyHops === 0) return socket;
  const hops = (request.headers.get('x-forwarded-for') ?? '')
    .split(',')
    .map((hop) => hop.trim())
    .filter(Boolean);
  return hops[hops.length - trustProxyHops] ?? hops[0] ?? socket;
}

export function originOf(request: Request, { trustProxyHops, publicUrl }: CallerOptions): URL {
  if (publicUrl !== null) return new URL(publicUrl);
  const url = new URL(request.url);
  if (trustProxyHops > 0) {
    const protocol = request.headers.get('x-forwarded-proto');
    const host = request.headers.get('x-forwarded-host');
    if (protocol === 'http' || protocol === 'https') url.protocol = protocol;
    if (host) url.host = host.split(',')[0]?.trim() ?? url.host;
  }
  return url;
}
