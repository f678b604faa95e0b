// One page, one check: the smallest useful script.

import http, { baseUrl, check, sleep, type Options } from 'wasmload';

export const options: Options = { vus: 5, duration: '5s' };

export default function (): void {
    const home = http.get(baseUrl('/'));
    check('home is up', home.status === 200);
    sleep(0.5);
}
