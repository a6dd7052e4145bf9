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
    const protocol = firstOf(request.headers.get('x-forwarded-proto'));
    const host = firstOf(request.headers.get('x-forwarded-host'));
    if (protocol === 'http' || protocol === 'https') url.protocol = protocol;
    if (host) {
      // A host without a port would leave ours there.
      url.port = '';
      url.host = host;
    }
  }
  return url;
}

/** Of a list that each proxy adds to, what the outermost one wrote. */
const firstOf = (header: string | null): string | undefined => header?.split(',')[0]?.trim();

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

/**
 * The part of an address that one customer of a provider has to themselves: of IPv6 the first 64 bits, of IPv4 all.
 * Empty where none is known. What is no address (a proxy may write anything) stays as it is.
 */
export function networkOf(address: string | null): string {
  if (address === null) return '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  return groupsOf(address)?.slice(0, 4).join(':') ?? address;
}

/** What is kept of senders' addresses: nothing, the first 24 bits of IPv4 and 48 of IPv6, or all of it. */
export const IP_CHOICES = ['none', 'truncated', 'full'] as const;
export type IpChoice = (typeof IP_CHOICES)[number];

/** What may be kept of an address; null of what is none. */
export function keptOf(address: string | null, choice: IpChoice): string | null {
  if (address === null || choice === 'none') return null;
  const text = networkOf(address).includes(':') ? address : networkOf(address);
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return choice === 'full' ? text : text.replace(/\d+$/, '0');
  const groups = text.includes(':') ? groupsOf(text) : null;
  if (groups === null) return null;
  return choice === 'full' ? groups.join(':') : `${groups.slice(0, 3).join(':')}::`;
}

/** The eight groups of an IPv6 address, without leading zeros; null when it is none. */
function groupsOf(address: string): string[] | null {
  const [text = ''] = address.toLowerCase().split('%');
  const [head = '', tail, ...more] = text.split('::');
  const listed = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [listed(head), listed(tail ?? '')];
  const missing = 8 - before.length - after.length;
  const isWhole = tail === undefined ? missing === 0 : missing > 0;
  const groups = [...before, ...Array<string>(Math.max(0, missing)).fill('0'), ...after];
  if (more.length > 0 || !isWhole || !groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  return groups.map((group) => group.replace(/^0+(?=.)/, ''));
}
