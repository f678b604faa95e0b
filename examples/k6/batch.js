// Pages asked for at once, by a k6 script: an array, and an object with names.
import http from 'k6/http';
import { check } from 'k6';

export const options = { vus: 2, iterations: 10 };

const BASE = __ENV.BASE_URL || 'http://127.0.0.1:8080';

export default function () {
    const pages = http.batch([
        ['GET', `${BASE}/`],
        ['GET', `${BASE}/catalogue`, null, { tags: { name: 'catalogue' } }],
        { method: 'GET', url: `${BASE}/products/7`, params: { tags: { name: 'product' } } },
    ]);
    for (const page of pages) check(page, { 'is there': (res) => res.status === 200 });

    const { home, missing } = http.batch({
        home: `${BASE}/`,
        missing: { method: 'GET', url: `${BASE}/status/404`, params: { responseCallback: http.expectedStatuses(404) } },
    });
    check(home, { 'is HTML': (res) => res.headers['Content-Type'].startsWith('text/html') });
    check(missing, { 'is not there': (res) => res.status === 404 });
}
