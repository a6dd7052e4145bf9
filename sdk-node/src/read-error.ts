// What a read rejects with: who answered what, and what to do about it.
// Invariant: an answer that is not the collector's is told as such, never taken for data.

/** What a read rejects with. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
  /** The HTTP status; 0: no answer, or nothing was asked. */
  readonly status: number;
  /**
   * The collector's code, or `no_answer`, `redirected`, `not_collector`, `no_admin_key`, `invalid_id`,
   * `invalid_segment`.
   */
  readonly code: string;
  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

/** What to do, by HTTP status. */
export const ADVICE: Record<number, string> = {
  401: 'the key was refused: is it an admin key of this collector, and not revoked?',
  403: 'the key may not do this',
  404: 'there is no such profile or segment',
  429: 'too many requests',
};

/**
 * What is wrong with an answer, or null.
 * @param origin the collector's address
 */
export function faultOf(
  answer: Response,
  text: string,
  origin: string,
  advice: Record<number, string>,
): ReadError | null {
  if (isRedirect(answer)) return redirected(answer, origin);
  if (!answer.ok) return errorOf(answer.status, text, advice);
  return isObject(text) ? null : notCollector(answer.status, origin);
}

/** Where the runtime hides a redirect from its caller, the status is 0. */
const isRedirect = ({ status, type }: Response): boolean =>
  type === 'opaqueredirect' || (status >= 300 && status < 400);

function redirected({ status, headers }: Response, origin: string): ReadError {
  const target = headers.get('location');
  const words = `${origin} redirects${target ? ` to ${target}` : ''}, which was not followed`;
  return new ReadError(status, 'redirected', `${words}: the option host must be the collector's own address`);
}

function notCollector(status: number, origin: string): ReadError {
  const words = `HTTP ${status} from ${origin} in words that are no collector's`;
  return new ReadError(
    status,
    'not_collector',
    `${words}, such as a page to sign in at: is the option host its address?`,
  );
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

function errorOf(status: number, text: string, advice: Record<number, string>): ReadError {
  const { code, message } = readFault(text);
  const hint = advice[status];
  return new ReadError(
    status,
    code ?? `http_${status}`,
    [`HTTP ${status}`, hint, message].filter(Boolean).join(': '),
  );
}

function readFault(text: string): { code?: string; message?: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } };
    return error ?? {};
  } catch {
    return {};
  }
}
