// The same in each language: a request and a check, then a pause or none; or nothing at all. `MODE` says which.
import http from 'k6/http';
import { check, sleep } from 'k6';

const url = `${__ENV.BASE_URL}/`;
const mode = __ENV.MODE;

export default function () {
  if (mode === 'nothing') return;
  const page = http.get(url);
  check(page, { 'status is 200': (page) => page.status === 200 });
  if (mode === 'sleep') sleep(2);
}
