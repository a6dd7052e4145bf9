// How the routes are described that need no admin key and take no messages: health, pages, scripts, other clients.
// Invariant: describes only; the routes themselves are in files of their own.
import { failure, type Json } from './openapi-words.ts';

const answer = (description: string, type: string, schema: Json): Json => ({
  description,
  content: { [type]: { schema } },
});
const json = (description: string, schema: Json = { type: 'object' }): Json =>
  answer(description, 'application/json', schema);
const text = (description: string, type: string): Json => answer(description, type, { type: 'string' });
const inPath = (name: string, description: string): Json => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string' },
});
const inQuery = (name: string, description: string): Json => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
});
const writeKey = inPath('writeKey', 'the web write key');
const unchanged: Json = { description: 'As `If-None-Match` says' };
const script = {
  200: text('The script', 'text/javascript'),
  304: unchanged,
  404: failure('Not built'),
};

export function openPaths(): Json {
  return { ...clientPaths(), ...pagePaths(), ...healthPaths() };
}

function clientPaths(): Json {
  const settings = { 200: json('The settings'), 401: failure('Unknown key') };
  const rudder = (summary: string): Json => ({
    get: { summary, parameters: [inQuery('writeKey', 'or as Basic user name')], responses: settings },
  });
  return {
    '/v1/projects/{writeKey}/settings': {
      parameters: [writeKey],
      get: {
        summary: 'What Segment’s browser client needs to send here and only here',
        responses: { 200: json('The settings'), 404: failure('Unknown key') },
      },
    },
    '/sourceConfig': rudder('What RudderStack’s browser client needs'),
    '/sourceConfig/': rudder('The same'),
  };
}

function pagePaths(): Json {
  return {
    '/sdk.js': { get: { summary: 'The browser SDK', responses: script } },
    '/{name}': {
      parameters: [inPath('name', 'sdk-<name>.js')],
      get: { summary: 'A part of it that is loaded when it is needed', responses: script },
    },
    '/analytics.js/v1/{writeKey}/analytics.min.js': {
      parameters: [writeKey],
      get: { summary: 'What Segment’s snippet loads', responses: script },
    },
    '/s/{key}': {
      parameters: [inPath('key', 'of a survey')],
      get: {
        summary: 'A survey’s own page',
        parameters: [
          inQuery('lang', 'the language wished for'),
          inQuery('preview', '`1` sends nothing'),
          inQuery('userId', 'with userSignature: whose answers they are'),
          inQuery('userSignature', 'the proof of it'),
        ],
        responses: {
          200: text('The survey, or that it is closed', 'text/html'),
          404: text('There is no such survey', 'text/html'),
        },
      },
    },
    '/s/-/page.css': {
      get: {
        summary: 'The style of these pages',
        responses: { 200: text('CSS', 'text/css'), 304: unchanged },
      },
    },
  };
}

function healthPaths(): Json {
  return {
    '/healthz': { get: { summary: 'Whether the process lives', responses: { 200: json('It does') } } },
    '/readyz': {
      get: {
        summary: 'Whether messages can be stored',
        responses: { 200: json('They can'), 503: json('They cannot') },
      },
    },
    '/metrics': {
      get: { summary: 'For Prometheus', responses: { 200: text('The metrics', 'text/plain') } },
    },
  };
}
