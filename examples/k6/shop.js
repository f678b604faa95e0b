// A k6 script as it is: stages, a login with JSON and a bearer token, checks, a group, a metric of its own, a pause.
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Trend } from 'k6/metrics';

export const options = {
    stages: [
        { duration: '2s', target: 5 },
        { duration: '3s', target: 5 },
        { duration: '1s', target: 0 },
    ],
    thresholds: {
        http_req_failed: ['rate<0.01'],
        checks: ['rate>0.99'],
        login_time: ['p(95)<1000'],
    },
};

const BASE = __ENV.BASE_URL || 'http://127.0.0.1:8080';
const loginTime = new Trend('login_time', true);

export default function () {
    const login = http.post(`${BASE}/login`, JSON.stringify({ user: 'ada', password: 'pass' }), {
        headers: { 'Content-Type': 'application/json' },
    });
    check(login, {
        'logged in': (res) => res.status === 200,
        'there is a token': (res) => res.json('token') !== undefined,
    });

    loginTime.add(login.timings.duration);

    group('cart', () => {
        const cart = http.get(`${BASE}/cart`, { headers: { Authorization: `Bearer ${login.json('token')}` } });
        check(cart, { 'cart is mine': (res) => res.status === 200 && res.json().user === 'ada' });
    });

    sleep(1);
}
