// Serves the page with the write key in its tag: TIDEMARK_WRITE_KEY=... node examples/nps/serve.mjs
// Invariant: only the public write key reaches the page.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const {
  TIDEMARK_WRITE_KEY: writeKey,
  TIDEMARK_HOST: host = 'http://127.0.0.1:4700',
  PORT = '4800',
} = process.env;
if (!writeKey) {
  console.error('Set TIDEMARK_WRITE_KEY to the web write key, which the first start shows.');
  process.exit(1);
}

const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
};

const server = createServer((request, response) => {
  const file = new URL(request.url, 'http://page').pathname.slice(1) || 'index.html';
  if (!Object.hasOwn(TYPES, file)) {
    response.writeHead(404).end();
    return;
  }
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
    .replace('%TIDEMARK_WRITE_KEY%', writeKey)
    .replace('%TIDEMARK_HOST%', host);
  response.writeHead(200, { 'content-type': TYPES[file] }).end(text);
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
