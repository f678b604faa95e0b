// Users from a file, shared in a k6 script's SharedArray; each iteration is another one.
import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
import { SharedArray } from 'k6/data';

const users = new SharedArray('users', () => JSON.parse(open('./users.json')));

export const options = {
    scenarios: {
        logins: { executor: 'shared-iterations', vus: 2, iterations: 6 },
    },
};

const BASE = __ENV.BASE_URL || 'http://127.0.0.1:8080';

export default function () {
    const user = users[exec.scenario.iterationInTest % users.length];
    const login = http.post(`${BASE}/login`, JSON.stringify(user), {
        headers: { 'Content-Type': 'application/json' },
        tags: { kind: user.user === 'ada' ? 'first' : 'other' },
    });
    check(login, { 'logged in': (res) => res.status === 200 });
}
