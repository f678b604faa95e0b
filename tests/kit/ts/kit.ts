// Does each thing that a script can do, and says what came of it: one line a fact, as `../expected.txt` has them.

import http, {
    Counter, Dataset, Gauge, Rate, Request, Trend, Upload, WebSocket, abort, baseUrl, check, context, env, group, now, secret, sleep, sse,
    type ContractError, type Options, type Pending, type Response, type RequestSettings,
} from 'wasmload';

interface Data {
    token: string;
    numbers: number[];
}

/** What a bearer of odd bytes looks like: `é ÿ` in Latin-1, which is no UTF-8. */
const ODD = Uint8Array.of(0xe9, 0x20, 0xff);
const ALL = Uint8Array.from({ length: 256 }, (_, byte) => byte);

export const options: Options = {
    scenarios: {
        kit: {
            executor: 'per-vu-iterations', vus: 1, iterations: 2, exec: 'facts',
            env: { COLOUR: 'blau 🎨' }, tags: { kit: 'yes' },
        },
        drawing: { executor: 'per-vu-iterations', vus: 2, iterations: 1, exec: 'draws' },
        failing: { executor: 'per-vu-iterations', vus: 1, iterations: 2, exec: 'fails' },
    },
    thresholds: {
        'http_reqs{name:named}': ['count==2'],
        'http_reqs{colour:red}': ['count==1'],
        'http_reqs{kit:yes}': ['count>49'],
        'kit_counter{kind:a}': ['count==3'],
        'http_reqs{group:::outer::inner}': ['count==1'],
        'checks{group:::outer}': ['rate==1'],
        'http_reqs{mood:good}': ['count==1'],
        'checks{check:a check that fails}': ['rate==0'],
    },
    datasets: { people: { order: 'sequential' } },
};

export function setup(): Data {
    say('setup: vu', context.vu);
    return { token: 'Schlüssel', numbers: [1, 2, 3] };
}

export function start(data: Data): void {
    if (context.scenario === 'kit') say('start: what setup gave', `${data.token} ${data.numbers[2]}`);
}

export function facts(data: Data): void {
    if (context.iteration > 0) {
        say('context: the second iteration is', context.iteration);
        return;
    }
    contextAndTime();
    requests(data.token);
    responses();
    bodies();
    errors();
    several();
    measuring();
    groups();
    rows();
    websockets();
    events();
}

export function draws(): void {
    say('draw', Math.random());
}

export function fails(): void {
    throw new Error('on purpose: größer als 🌍');
}

export function aborts(): void {
    abort('the kit ends the run');
}

export function stop(data: Data): void {
    if (context.scenario === 'kit') say('stop: token', data.token);
}

export function teardown(data: Data): void {
    say('teardown: what setup gave', data.numbers[1]);
}

/** Says a fact. */
function say(what: string, value: unknown): void {
    console.info(`kit: ${what} = ${value ?? 'none'}`);
}

/** The case of what this throws, or that it throws nothing. */
function kindOf(call: () => unknown): string {
    try {
        call();
        return 'a response';
    } catch (error) {
        return (error as ContractError).kind;
    }
}

/** What this throws. */
function thrown<Thrown extends ContractError>(call: () => unknown): Thrown {
    try {
        call();
    } catch (error) {
        return error as Thrown;
    }
    throw new Error('nothing was thrown');
}

/** A part of a response, as JSON text. */
function part(response: Response, pointer: string): string | undefined {
    const found = response.json<unknown>(pointer);
    return found === undefined ? undefined : JSON.stringify(found);
}

function contextAndTime(): void {
    say('context: vu', context.vu);
    say('context: iteration', context.iteration);
    say('context: iteration in the scenario', context.iterationInScenario);
    say('context: scenario', context.scenario);
    say('context: executor', context.executor);
    say('context: COLOUR', env('COLOUR'));
    say('context: NOT_GIVEN', env('NOT_GIVEN'));
    // The one conversion of the SDK: a second must not become a millisecond.
    const before = now();
    sleep(0.75);
    sleep('750ms');
    const slept = now() - before;
    say('timing: 1.5 s of sleep take between 1.4 and 15', slept > 1400 && slept < 15_000);
    say('secrets: the length of password', [...(secret('password') ?? '')].length);
    say('secrets: NOT_GIVEN', secret('NOT_GIVEN'));
    console.debug('kit: log = debug');
    console.info('kit: log = info');
    console.warn('kit: log = warn');
    console.error('kit: log = error');
}

function requests(token: string): void {
    const echo = baseUrl('/echo');
    const seen = http.put(baseUrl('/echo?q=%C3%A4%20b'), {
        headers: { 'x-twice': ['one', 'two'], 'x-odd': ODD, 'content-type': 'application/octet-stream' },
        body: ALL,
    });
    say('request: method', seen.json('/method'));
    say('request: path', seen.json('/path'));
    say('request: length of 256 odd bytes', seen.json('/body_length'));
    say('request: their checksum', seen.json('/body_checksum'));
    const headers = part(seen, '/headers') ?? '';
    say('request: a header given twice is sent twice', headers.includes('["x-twice","one"],["x-twice","two"]'));
    say('request: a header of odd bytes arrives as it is', headers.includes('["x-odd","é ÿ"]'));

    const post = (settings: RequestSettings) => http.post(echo, settings);
    say('request: text comes back', part(post({ body: 'Grüße, 世界 🎉\0.' }), '/body'));
    const none = http.delete(echo);
    say('request: without a body', `${none.json('/method')} ${none.json('/body_length')}`);
    const json = post({ json: { name: 'Žofie' } });
    say('request: json', json.json('/body'));
    say('request: json says what it is', part(json, '/headers')?.includes('["content-type","application/json"]'));
    say('request: form', post({ form: { a: 1, b: 'x y&z', ü: 'ß' } }).json('/body'));
    const basic = http.get(echo, { basic: { user: 'ada', password: 'pass:wörd' } });
    say('request: basic', part(basic, '/headers')?.includes('Basic YWRhOnBhc3M6d8O2cmQ='));
    say('request: bearer', part(http.get(echo, { bearer: 'abc' }), '/headers')?.includes('Bearer abc'));
    const parts = post({ multipart: { field: 'wert' } });
    say('request: multipart', parts.json<string>('/body')?.includes('name="field"\r\n\r\nwert\r\n--'));
    const packed = post({ body: 'x'.repeat(1000), pack: 'gzip' });
    say('request: a thousand letters are packed', (packed.json<number>('/body_length') ?? 1000) < 100);
    say('request: and say so', part(packed, '/headers')?.includes('["content-encoding","gzip"]'));

    const named = http.prepare('GET', baseUrl('/status/404'), { name: 'named', expectedStatuses: 404 });
    say('request: prepared and sent twice', `${named.send().status} ${named.send().status}`);
    http.get(baseUrl('/'), { tags: { colour: 'red' } });

    const login = http.post(baseUrl('/login'), { json: { user: 'ada', password: 'pass' } });
    say('login: status', login.status);
    say('login: the cart', http.get(baseUrl('/cart'), { bearer: login.json('/token') }).status);
    say('login: without a token', http.get(baseUrl('/cart')).status);
    say('login: what setup gave', token);
}

function responses(): void {
    const home = http.get(baseUrl('/'));
    say('response: status', home.status);
    say('response: Content-Type, in any case', home.header('CONTENT-type'));
    say('response: no such header', home.header('x-none'));
    say('response: timings have parts', home.timings.duration > 0);
    const odd = http.get(baseUrl('/headers'));
    say('response: a header that comes twice', odd.headers.getAll('X-Twice').join('|'));
    say('response: the first of them', odd.header('x-twice'));
    say('response: an empty header is there', odd.header('x-empty') === '' && odd.headers.get('x-empty') === '');
    say('response: a long header', odd.header('x-long')?.length);
    say('response: odd bytes as text', odd.header('x-bytes'));
    const [, bytes] = odd.headers.raw.find(([name]) => name === 'x-bytes') ?? ['', new Uint8Array()];
    say('response: odd bytes as they are', [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
    const cookies = () => part(http.get(baseUrl('/echo')), '/headers') ?? '';
    say('cookies: those that were set go back', cookies().includes('first=1; second=2'));
    http.clearCookies();
    say('cookies: none after clearing', !cookies().includes('cookie'));

    const catalogue = http.get(baseUrl('/catalogue?page=2'));
    say('json: by pointer', part(catalogue, '/products/0/id'));
    say('json: what is not there', part(catalogue, '/products/99/id'));
    say('json: of what is no json', part(home, '/a'));
    say('redirects: followed to', http.get(baseUrl('/redirect/2')).url.split('/').at(-1));
    const hop = http.get(baseUrl('/redirect/2'), { redirects: 0 });
    say('redirects: not followed', `${hop.status} ${hop.header('location')}`);
}

function bodies(): void {
    const body = http.get(baseUrl('/bytes/1000000')).bytes();
    say('body: a large one', `${body.length} ${body.reduce((sum, byte) => sum + byte, 0)}`);
    const bytes = new Uint8Array(1_000_000);
    for (let n = 0; n < bytes.length; n++) bytes[n] = n % 251;
    say('body: a large one up', http.post(baseUrl('/upload'), { body: bytes }).text());
    const made = new Upload().bytes('first').add(new Upload().random(3_000_000, 7)).bytes(Uint8Array.of(0, 255));
    say('body: made as it is sent', `${made.length} ${http.post(baseUrl('/upload'), { body: made }).text()}`);
    const kept = (responseBody: RequestSettings['responseBody']) => http.get(baseUrl('/bytes/1000'), { responseBody });
    const forgotten = kept('discard');
    say('body: forgotten', `${forgotten.bodyLength} ${forgotten.bytes().length}`);
    const first = kept(10);
    say('body: kept in part', `${first.bodyLength} ${first.bytes().length}`);
    say('body: hashed', kept('hash').sha256);
    const download = new Request('GET', baseUrl('/bytes/300000')).open();
    let length = 0;
    for (const chunk of download) length += chunk.bytes.length;
    say('body: read as it comes', `${download.response.status} ${length}`);
}

function errors(): void {
    const home = baseUrl('/');
    const attempts: Record<string, () => Response> = {
        'nobody listens': () => http.get(env('CLOSED') ?? ''),
        'no such name': () => http.get('http://name.invalid/'),
        'no URL': () => http.get('nonsense'),
        'no method': () => http.request('GE T', home),
        'a header with a line break': () => http.get(home, { headers: { a: 'b\r\nc: d' } }),
        'too slow': () => http.get(baseUrl('/delay/60000'), { timeout: 30 }),
        'closed early': () => http.get(baseUrl('/close')),
        reset: () => http.get(baseUrl('/reset')),
        'not allowed': () => http.get('http://192.0.2.1/'),
        '503 is a response': () => http.get(baseUrl('/status/503')),
    };
    for (const [what, attempt] of Object.entries(attempts)) say(`error: ${what}`, kindOf(attempt));
}

function several(): void {
    const all = http.batch([baseUrl('/status/200'), 'nonsense', new Request('GET', baseUrl('/status/404')), baseUrl('/bytes/5')]);
    say('batch: in the order of the requests', all.map((one) => ('kind' in one ? one.kind : one.status)).join(' '));
    say('batch: of none', http.batch([]).length);
    const [slow, fast]: [Pending, Pending] = [http.start(baseUrl('/delay/1000')), http.start(baseUrl('/delay/1'))];
    say('start: which is first', http.waitAny([slow, fast]));
    say('start: the fast one', fast.get().status);
    say('start: nothing within a millisecond', http.waitAny([slow], '1ms') === undefined);
}

function measuring(): void {
    const holds = check('a check that holds ✓', true);
    say('check: gives whether it holds', `${holds} ${check(1, { 'a check that fails': (one) => one > 1 })}`);
    const counter = new Counter('kit_counter');
    counter.add(2);
    counter.add(3, { kind: 'a' });
    const gauge = new Gauge('kit_gauge');
    gauge.set(5);
    gauge.add(3.5);
    const rate = new Rate('kit_rate');
    for (const answer of [true, false, 0, false]) rate.add(answer);
    const trend = new Trend('kit_trend');
    trend.add(10);
    trend.add(20);
    new Trend('kit_time', true).add(1500);
}

function groups(): void {
    const inner = group('outer', () => {
        check('in a group', true);
        return group('inner', () => http.get(baseUrl('/status/200')));
    });
    say('group: what is in it', inner.status);
    context.setTag('mood', 'good');
    http.get(baseUrl('/status/201'));
    context.removeTag('mood');
    http.get(baseUrl('/status/202'));
}

function rows(): void {
    const people = new Dataset('people');
    say('dataset: rows', people.length);
    const first = people.next();
    say('dataset: the first', `${first.number} ${first.field('name')}`);
    say('dataset: the next', people.next().get('name'));
    say('dataset: by number', people.row(2).get('city'));
    say('dataset: no such field', first.get('none'));
    say('dataset: as json', JSON.stringify(first.json()));
    say('dataset: no such row', kindOf(() => people.row(99)));
    say('dataset: not declared', kindOf(() => new Dataset('others')));
}

function websockets(): void {
    const url = WebSocket.url('/ws/echo');
    const socket = WebSocket.connect(url, { name: 'echo', tags: { kind: 'kit' } });
    socket.send('Grüße, 世界 🎉');
    const text = socket.receive();
    say('websocket: text', `${text.isText} ${text.length} ${text.text()}`);
    socket.send(ALL);
    const bytes = socket.receive();
    say('websocket: bytes', `${bytes.isText} ${bytes.bytes().every((byte, place) => byte === place) && bytes.length === 256}`);
    socket.sendJson({ id: 'é1' });
    socket.expectAnswer('é1');
    const answer = socket.receive();
    say('websocket: json', JSON.stringify(answer.json('/id')));
    say('websocket: an answer is timed', answer.answers('é1') !== undefined);
    say('websocket: once', answer.answers('é1') !== undefined);
    socket.ping();
    say('websocket: a ping is answered', socket.waitPong('30s'));
    say('websocket: nothing within a millisecond', socket.receive(1) === undefined);
    const other = WebSocket.connect(url);
    other.send('to the second');
    say('websocket: which has news', WebSocket.waitAny([socket, other]));
    socket.close();
    say('websocket: after closing', kindOf(() => socket.send('late')));
    const refused = thrown<import('wasmload').WebSocketError>(() => WebSocket.connect(WebSocket.url('/status/403')));
    say('websocket: refused', `${refused.kind} ${refused.status}`);
    const over = thrown<import('wasmload').WebSocketError>(() => WebSocket.connect(WebSocket.url('/ws/close/4321')).receive());
    say('websocket: closed by the target', `${over.kind} ${over.close?.code}`);
}

function events(): void {
    const stream = sse.connect(baseUrl('/events/1?count=3'));
    say('events: status', stream.response.status);
    const seen: string[] = [];
    const ended = kindOf(() => {
        for (;;) {
            const event = stream.receive();
            seen.push(`${event.id} ${event.data.split(',')[0]}`);
        }
    });
    say('events: seen', seen.join(' | '));
    say('events: then', ended);
    say('events: of a page', kindOf(() => sse.connect(baseUrl('/'))));
}
