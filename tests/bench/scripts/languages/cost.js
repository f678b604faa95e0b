// The same in each language: a request and a check, then a pause or none; or nothing at all. `MODE` says which.
import http, { baseUrl, check, env, sleep } from 'wasmload';

const mode = env('MODE');

export default function () {
  if (mode === 'nothing') return;
  const page = http.get(baseUrl('/'));
  check('status is 200', page.status === 200);
  if (mode === 'sleep') sleep(2);
}
