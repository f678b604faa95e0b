// A chat by WebSocket: how long a message takes to everybody and back, with pings and a close as it should be.

import { WebSocket, check, context, sleep } from 'wasmload';

export const options = {
    vus: 10,
    iterations: 20,
    thresholds: {
        ws_msg_rtt: ['p(95)<500'],
        ws_connect_failed: ['rate==0'],
        checks: ['rate==1'],
    },
};

export default function () {
    const socket = WebSocket.connect(WebSocket.url('/ws/chat'), { name: 'chat' });
    socket.ping();
    for (let number = 1; number <= 5; number++) {
        // Everybody in the room hears it; the identifier tells our own from the others'.
        const id = `${context.vu}-${context.iteration}-${number}`;
        socket.sendJson({ id, text: 'hello, room' });
        socket.expectAnswer(id);
        check('our own message is heard', heard(socket, id) !== undefined);
        sleep('20ms');
    }
    check('pings are answered', socket.waitPong('5s'));
    socket.close();
}

/** How long it took until our own message came; whoever is in a full room hears much. Undefined after five seconds. */
function heard(socket, id) {
    for (;;) {
        const message = socket.receive('5s');
        if (message === undefined) return undefined;
        if (message.json('/id') === id) return message.answers(id);
    }
}
