// A failure as text: how to play it again, and the shortest history that shows it.
// Invariant: every request is printed whole, so that a test can be written from the report alone.
import type { Drawn } from './draw-request.ts';
import type { Failure } from './shrink.ts';

/** Longer bodies are given by their length and beginning. */
const MAX_BODY_CHARS = 4_000;

export function describeFailure(seed: number, whole: Failure, short: Failure): string {
  const requests = whole.waves.reduce((sum, wave) => sum + wave.requests.length, 0);
  return [
    `fuzz:routes --seed ${seed} --requests ${requests}`,
    whole.fault.what,
    ...(whole.fault.request ? ['asked:', describeRequest(whole.fault.request)] : []),
    ...(whole.fault.answer
      ? [`answered: ${whole.fault.answer.status} ${whole.fault.answer.text.slice(0, 2_000)}`]
      : []),
    `shortest history (${short.waves.length} waves), ending in: ${short.fault.what}`,
    ...short.waves
      .slice(-40)
      .flatMap(({ requests: asked, stepMs, tick }) => [
        ...asked.map(describeRequest),
        ...(stepMs > 0 || tick ? [`  then ${stepMs} ms later${tick ? ', a tick' : ''}`] : []),
      ]),
  ].join('\n');
}

function describeRequest({ who, method, path, headers, body, address }: Drawn): string {
  const text = body === null ? '' : bodyText(body);
  return `  ${who}${address ? ` from ${address}` : ''}: ${method} ${path}\n    ${JSON.stringify(headers)}\n    ${text}`;
}

function bodyText(body: Uint8Array): string {
  const text = Buffer.from(body).toString();
  const isText = Buffer.from(text).equals(body);
  const shown = isText ? text : `base64 ${Buffer.from(body).toString('base64')}`;
  return shown.length > MAX_BODY_CHARS
    ? `${shown.slice(0, MAX_BODY_CHARS)}... ${shown.length} characters`
    : shown;
}
