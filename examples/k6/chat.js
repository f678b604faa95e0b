// A WebSocket by callbacks, in a k6 script, and a summary of its own.
import ws from 'k6/ws';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

export const options = { vus: 2, iterations: 4 };

const BASE = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/^http/, 'ws');
const echoes = new Counter('echoes');

export default function () {
    const response = ws.connect(`${BASE}/ws/echo`, { tags: { room: 'echo' } }, (socket) => {
        let heard = 0;
        socket.on('open', () => {
            socket.send('hello');
            socket.setTimeout(() => socket.close(), 2000);
        });
        socket.on('message', (text) => {
            echoes.add(1);
            if (++heard === 3) socket.close();
            else socket.send(`${text}!`);
        });
        socket.on('close', () => check(heard, { 'heard three': (count) => count === 3 }));
    });
    check(response, { 'status is 101': (res) => res && res.status === 101 });
}

export function handleSummary(data) {
    const { echoes: counted, ws_sessions: sessions } = data.metrics;
    return { stdout: `${counted.values.count} echoes in ${sessions.values.count} sessions\n` };
}
