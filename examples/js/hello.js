// One page, one check: the smallest useful script.

import http, { baseUrl, check, sleep } from 'wasmload';

export const options = { vus: 5, duration: '5s' };

export default function () {
    const home = http.get(baseUrl('/'));
    check('home is up', home.status === 200);
    sleep(0.5);
}
