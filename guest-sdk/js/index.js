// Write load-test scripts for wasmload in JavaScript and TypeScript: `index.d.ts` says what there is, README.md how it
// is used. What is at the top of these files runs when a script is built, so none of it calls the engine.

export { default, default as http, Download, Headers, Pending, Request, Response, Upload } from './http.js';
export { abort, baseUrl, check, context, env, secret } from './context.js';
export { ContractError, DatasetError, HttpError, StreamError, WebSocketError } from './error.js';
export { Counter, Gauge, Rate, Trend } from './metrics.js';
export { Dataset, Row } from './dataset.js';
export { group } from './spans.js';
export { EventStream, default as sse } from './sse.js';
export { Message, WebSocket } from './websocket.js';
export { now, sleep } from './timing.js';
