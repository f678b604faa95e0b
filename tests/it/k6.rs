//! Scripts written for k6, as they are: what they come to here, and what is said of what is not here.
//!
//! They are built by the tools for JavaScript. Where those are missing, the tests say so and show nothing, unless
//! WASMLOAD_TESTS_NEED_LANGUAGES names `js`.

use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

/// Runs the binary; nothing, with a line about it, where the tools are missing.
fn ran(wasmload: &Wasmload, arguments: &[&str]) -> Option<Ran> {
    let ran = wasmload.run(arguments);
    support::has_tools("js", &ran).then_some(ran)
}

/// Runs a script once against the demo target, and gives what it logged by its names: `console.log(`name: …`)`.
fn said(script: &str) -> Option<(Ran, Vec<(String, String)>)> {
    let wasmload = wasmload();
    wasmload.write("script.js", script);
    let ran = ran(&wasmload, &["run", "script.js", "--demo"])?;
    let said = ran.stderr.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("info: VU 1: ")?.split_once(": ")?;
        Some((name.to_owned(), value.to_owned()))
    });
    let said = said.collect();
    Some((ran, said))
}

/// Holds what a script says of itself against what it should, in the same order.
fn holds(script: &str, expected: &[(&str, &str)]) {
    let Some((ran, said)) = said(script) else { return };
    let said: Vec<_> = said.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(said, expected, "{}", ran.redacted());
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert!(!ran.stdout.contains("iterations_failed"), "{}", ran.redacted());
}

#[test]
fn a_script_with_stages_a_login_checks_a_group_a_metric_and_a_pause_runs_as_it_is() {
    let wasmload = wasmload();
    wasmload.write("shop.js", include_str!("../../examples/k6/shop.js"));
    let arguments = ["run", "shop.js", "--demo", "--summary-export", "summary.json"];
    let Some(ran) = ran(&wasmload, &arguments) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    let summary: Value = serde_json::from_str(&wasmload.read("summary.json")).expect("JSON");
    let value = |metric: &str, key: &str| {
        summary["metrics"][metric]["values"][key].as_f64().unwrap_or_default()
    };
    let iterations = value("iterations", "count");
    assert!(iterations > 0.0);
    assert_eq!(value("http_reqs", "count"), 2.0 * iterations);
    assert_eq!(value("checks", "passes"), 3.0 * iterations);
    assert_eq!(value("checks", "fails"), 0.0);
    for line in [
        "✓ logged in",
        "✓ there is a token",
        "✓ cart is mine",
        "login_time.........",
        "group_duration.....",
        "iteration_duration.",
        "http_req_duration..",
        "  { expected_response:true }",
        "vus_max............",
        "✓ 'p(95)<1000' p(95)=",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.redacted());
    }
}

#[test]
fn the_examples_run() {
    let wasmload = wasmload();
    for (file, content) in [
        ("batch.js", include_str!("../../examples/k6/batch.js")),
        ("users.js", include_str!("../../examples/k6/users.js")),
        ("users.json", include_str!("../../examples/k6/users.json")),
        ("chat.js", include_str!("../../examples/k6/chat.js")),
    ] {
        wasmload.write(file, content);
    }
    for (file, says) in [
        ("batch.js", "http_reqs..........................: 50"),
        ("users.js", "100.00% 6 out of 6"),
        ("chat.js", "12 echoes in 4 sessions\n"),
    ] {
        let Some(ran) = ran(&wasmload, &["run", file, "--demo"]) else { return };
        assert_eq!(ran.code, Some(0), "{file}: {}", ran.redacted());
        assert!(ran.stdout.contains(says), "{file}: {says}: {}", ran.redacted());
        assert!(!ran.stdout.contains('✗'), "{file}: {}", ran.redacted());
    }
}

#[test]
fn responses_have_what_k6s_have() {
    holds(
        "
        import http, { expectedStatuses } from 'k6/http';
        export const options = { vus: 1, iterations: 1 };
        const B = __ENV.BASE_URL;
        const say = (name, ...values) => console.log(`${name}: ${values.join(' ')}`);

        export default function () {
            const missing = http.get(`${B}/status/404`);
            say('status', missing.status, missing.status_text, missing.error_code, missing.proto, missing.url === `${B}/status/404`);
            const refused = http.get('http://127.0.0.1:1/');
            say('refused', refused.status, refused.error, refused.error_code, refused.body);
            try {
                http.get('http://127.0.0.1:1/', { throw: true });
            } catch (error) {
                say('thrown', error.message);
            }
            const echo = http.post(`${B}/echo`, { a: 'x y', b: 'ü' }, { headers: { 'X-Own': 'Wert' } });
            say('form', echo.json('body'), echo.json('headers.#(0==\"content-type\").1'), echo.request.method);
            say('header', echo.json('headers.#(0==\"x-own\").1'), echo.headers['Content-Type']);
            const file = http.post(`${B}/echo`, { f: http.file('abc', 'a.txt', 'text/plain') });
            say('file', file.json('body').includes('filename=\"a.txt\"'));
            const basic = http.post(`${B.replace('//', '//me:pa%20ss@')}/echo`);
            say('basic', basic.body.includes('Basic bWU6cGEgc3M='));
            say('bytes', new Uint8Array(http.get(`${B}/bytes/5`, { responseType: 'binary' }).body).length, http.get(`${B}/bytes/5`, { responseType: 'none' }).body === null);
            say('redirects', http.get(`${B}/redirect/2`).status, http.get(`${B}/redirect/2`, { redirects: 0 }).status);
            say('expected', http.get(`${B}/status/500`, { responseCallback: expectedStatuses(200, { min: 500, max: 599 }) }).status);
            say('packed', http.post(`${B}/echo`, 'aaaa', { compression: 'gzip' }).json('headers.#(0==\"content-encoding\").1'));
            say('timings', Object.keys(missing.timings).join());
            const many = http.batch(Array.from({ length: 25 }, () => `${B}/health`));
            say('batch', many.length, many.every((one) => one.status === 200));
            const named = http.batch({ one: `${B}/`, two: ['POST', `${B}/echo`, 'hi'], three: { url: 'http://127.0.0.1:1/' } });
            say('named', named.one.status, named.two.json('body'), named.three.error_code);
            const jar = http.cookieJar();
            jar.set(`${B}/`, 'k', 'v', { path: '/' });
            say('jar', JSON.stringify(jar.cookiesForURL(`${B}/x`)), http.post(`${B}/echo`, null, { cookies: { own: '1' } }).body.includes('own=1; k=v'));
            jar.clear(`${B}/`);
            say('cleared', JSON.stringify(jar.cookiesForURL(`${B}/x`)));
            say('template', http.get(http.url`${B}/products/${3}`).json('id'));
            try {
                missing.html();
            } catch (error) {
                say('html', error.message);
            }
        }
        ",
        &[
            ("status", "404 404 Not Found 1404 HTTP/1.1 true"),
            ("refused", "0 dial: connection refused 1212"),
            ("thrown", "request failed: dial: connection refused"),
            ("form", "a=x+y&b=%C3%BC application/x-www-form-urlencoded POST"),
            ("header", "Wert application/json"),
            ("file", "true"),
            ("basic", "true"),
            ("bytes", "5 true"),
            ("redirects", "200 302"),
            ("expected", "500"),
            ("packed", "gzip"),
            (
                "timings",
                "blocked,looking_up,connecting,tls_handshaking,sending,waiting,receiving,duration",
            ),
            ("batch", "25 true"),
            ("named", "200 hi 1212"),
            ("jar", r#"{"k":["v"]} true"#),
            ("cleared", "{}"),
            ("template", "3"),
            ("html", "response.html() is not supported: there is no HTML parser here"),
        ],
    );
}

#[test]
fn selectors_find_what_gjsons_do() {
    holds(
        r#"
        import http from 'k6/http';
        export const options = { vus: 1, iterations: 1 };

        export default function () {
            const value = { name: { first: 'Tom' }, 'fav.movie': 'Deer Hunter', children: ['Sara', 'Alex'], friends: [
                { first: 'Dale', age: 44, nets: ['ig', 'fb'] }, { first: 'Roger', age: 68 }, { first: 'Jane', age: 47 }] };
            const text = JSON.stringify(value);
            // The demo target gives back what it was sent, as a text in its own JSON.
            const response = http.post(`${__ENV.BASE_URL}/echo`, text);
            response._json = JSON.parse(response.json('body'));
            response._raw = { json: () => null };
            for (const path of ['name.first', 'children.#', 'children.1', 'fav\\.movie', 'friends.#.first', 'friends.1.age',
                'friends.#(first=="Roger").age', 'friends.#(age>45)#.first', 'child*.0', 'na?e.first', 'friends.#(first%"D*").age',
                'friends.0.nets.#', 'nothing', 'children.7', 'name.first.x']) {
                console.log(`${path}: ${JSON.stringify(response.json(path))}`);
            }
            try { response.json('children|@reverse'); } catch (error) { console.log(`pipe: ${error.message}`); }
        }
        "#,
        &[
            ("name.first", "\"Tom\""),
            ("children.#", "2"),
            ("children.1", "\"Alex\""),
            ("fav\\.movie", "\"Deer Hunter\""),
            ("friends.#.first", r#"["Dale","Roger","Jane"]"#),
            ("friends.1.age", "68"),
            ("friends.#(first==\"Roger\").age", "68"),
            ("friends.#(age>45)#.first", r#"["Roger","Jane"]"#),
            ("child*.0", "\"Sara\""),
            ("na?e.first", "\"Tom\""),
            ("friends.#(first%\"D*\").age", "44"),
            ("friends.0.nets.#", "2"),
            ("nothing", "undefined"),
            ("children.7", "undefined"),
            ("name.first.x", "undefined"),
            (
                "pipe",
                "json('children|@reverse'): modifiers, pipes and multipaths are not supported",
            ),
        ],
    );
}

#[test]
fn what_a_script_knows_of_itself_is_as_in_k6() {
    holds(
        "
        import exec, { scenario } from 'k6/execution';
        import { check, group, fail, randomSeed, sleep } from 'k6';
        import { SharedArray } from 'k6/data';
        export const options = { scenarios: { one: { executor: 'per-vu-iterations', vus: 1, iterations: 1, exec: 'other' } } };
        const rows = new SharedArray('rows', () => [{ n: 1 }, { n: 2 }]);
        const say = (name, ...values) => console.log(`${name}: ${values.join(' ')}`);

        export function setup() {
            return { given: ['a', 'ü'] };
        }

        export function other(data) {
            say('setup', JSON.stringify(data));
            say('who', __VU, __ITER, exec.vu.idInTest, exec.vu.iterationInScenario, scenario.name, scenario.executor, scenario.iterationInTest);
            exec.vu.tags.team = 'blue';
            say('tags', exec.vu.tags.team, JSON.stringify(exec.vu.tags));
            try {
                exec.instance.vusActive;
            } catch (error) {
                say('instance', error.message);
            }
            say('shared', rows.length, rows[1].n, rows.map((row) => row.n), [...rows].length, rows.find((row) => row.n === 2).n, rows[7]);
            try {
                rows[0] = {};
            } catch (error) {
                say('fixed', error.message);
            }
            say('group', group('outer', () => 'given'));
            try {
                group('a::b', () => {});
            } catch (error) {
                say('refused', error.message);
            }
            say('check', check({ a: 1 }, { one: (v) => v.a === 1, two: true }, { more: 'tags' }), check(1, { no: () => false }));
            randomSeed(7);
            const first = Math.random();
            randomSeed(7);
            say('seed', Math.random() === first);
            try {
                fail('enough');
            } catch (error) {
                say('fail', error.message);
            }
            sleep(0.001);
            say('env', __ENV.NOT_GIVEN === undefined, 'BASE_URL' in __ENV);
        }
        ",
        &[
            ("setup", r#"{"given":["a","ü"]}"#),
            ("who", "1 0 1 0 one per-vu-iterations 0"),
            ("tags", r#"blue {"team":"blue"}"#),
            (
                "instance",
                "exec.instance.vusActive is not supported; there are currentTestRunDuration",
            ),
            ("shared", "2 2 1,2 2 2"),
            ("fixed", "a SharedArray cannot be changed"),
            ("group", "given"),
            (
                "refused",
                "the name of a group may not have `::` in it, which stands between groups: `a::b`",
            ),
            ("check", "true false"),
            ("seed", "true"),
            ("fail", "enough"),
            ("env", "true true"),
        ],
    );
}

#[test]
fn digests_and_encodings_are_those_of_the_standards() {
    // The digests of "abc": RFC 1321 §A.5 and NIST's examples; HMAC: RFC 4231 and RFC 2202, case 2.
    holds(
        "
        import crypto, { sha256 } from 'k6/crypto';
        import encoding from 'k6/encoding';
        export const options = { vus: 1, iterations: 1 };

        export default function () {
            for (const name of ['md5', 'sha1', 'sha256', 'sha384', 'sha512_224', 'sha512_256', 'sha512']) {
                console.log(`${name}: ${crypto[name]('abc', 'hex').slice(0, 32)}`);
            }
            console.log(`long: ${sha256('a'.repeat(1000), 'hex')}`);
            console.log(`pieces: ${crypto.createHash('sha1').update('a').update('bc').digest('base64')}`);
            for (const name of ['md5', 'sha1', 'sha256', 'sha512']) {
                console.log(`hmac ${name}: ${crypto.hmac(name, 'Jefe', 'what do ya want for nothing?', 'hex').slice(0, 32)}`);
            }
            console.log(`random: ${new Uint8Array(crypto.randomBytes(8)).length}`);
            console.log(`base64: ${encoding.b64encode('hellö')} ${encoding.b64decode('aGVsbMO2', 'std', 's')}`);
            console.log(`url: ${encoding.b64encode('??>', 'rawurl')} ${new Uint8Array(encoding.b64decode('Pz8-', 'rawurl')).length}`);
        }
        ",
        &[
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha1", "a9993e364706816aba3e25717850c26c"),
            ("sha256", "ba7816bf8f01cfea414140de5dae2223"),
            ("sha384", "cb00753f45a35e8bb5a03d699ac65007"),
            ("sha512_224", "4634270f707b6a54daae7530460842e2"),
            ("sha512_256", "53048e2681941ef99b2e29b76b4c7dab"),
            ("sha512", "ddaf35a193617abacc417349ae204131"),
            ("long", "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
            ("pieces", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="),
            ("hmac md5", "750c783e6ab0b503eaa86e310a5db738"),
            ("hmac sha1", "effcdf6ae5eb2fa2d27416d5f184df9c"),
            ("hmac sha256", "5bdcc146bf60754e6a042426089575c7"),
            ("hmac sha512", "164b7a7bfcf819e2e395fbe73b56e0a3"),
            ("random", "8"),
            ("base64", "aGVsbMO2 hellö"),
            ("url", "Pz8- 3"),
        ],
    );
}

#[test]
fn sockets_have_callbacks_and_events_and_requests_have_promises() {
    holds(
        "
        import http from 'k6/http';
        import ws from 'k6/ws';
        import { WebSocket } from 'k6/websockets';
        export const options = { vus: 1, iterations: 1 };
        const B = __ENV.BASE_URL;
        const W = B.replace('http', 'ws');
        const say = (name, ...values) => console.log(`${name}: ${values.join(' ')}`);

        export default async function () {
            const heard = [];
            const response = ws.connect(`${W}/ws/echo`, { tags: { a: 'b' } }, (socket) => {
                socket.on('open', () => {
                    socket.send('text');
                    socket.ping();
                });
                socket.on('message', (text) => {
                    heard.push(text);
                    socket.sendBinary(new Uint8Array([1, 2]).buffer);
                });
                socket.on('binaryMessage', (bytes) => {
                    heard.push(bytes.byteLength);
                    socket.setTimeout(() => socket.close(), 1);
                });
                socket.on('close', (code) => heard.push(`closed ${code}`));
            });
            say('callbacks', response.status, heard);
            const refused = ws.connect(`${W}/status/403`, {}, (socket) => socket.on('error', (error) => say('error', error.error())));
            say('refused', refused.status);

            const [one, other] = await Promise.all([http.asyncRequest('GET', `${B}/`), http.asyncRequest('GET', `${B}/status/404`)]);
            say('promises', one.status, other.status);

            const events = [];
            await new Promise((resolve) => {
                const socket = new WebSocket(`${W}/ws/echo`);
                socket.binaryType = 'arraybuffer';
                socket.onopen = () => socket.send('one');
                socket.addEventListener('message', ({ data }) => {
                    events.push(typeof data === 'string' ? data : data.byteLength);
                    if (events.length === 1) socket.send(new Uint8Array(3));
                    else socket.close();
                });
                socket.onclose = ({ code }) => {
                    events.push(code);
                    resolve();
                };
            });
            say('events', events);
            await new Promise((resolve) => setTimeout(resolve, 1));
            say('timers', 'done');
        }
        ",
        &[
            ("callbacks", "101 text,2,closed 1000"),
            ("error", "handshake refused with status 403"),
            ("refused", "403"),
            ("promises", "200 404"),
            ("events", "one,3,1000"),
            ("timers", "done"),
        ],
    );
}

/// Makes a summary of its own: in each of the places that there are.
const SUMMARY: &str = "
    import { check, group } from 'k6';
    export const options = { vus: 1, iterations: 2, thresholds: { checks: ['rate==1'] } };

    export function setup() {
        return 7;
    }

    export default function () {
        group('outer', () => check(1, { 'is one': (value) => value === 1 }));
    }

    export function handleSummary(data) {
        const { name, checks } = data.root_group.groups[0];
        const { values, thresholds } = data.metrics.checks;
        return {
            stdout: `\\u001b[32mown\\u001b[0m ${name} ${checks[0].name} ${checks[0].passes} ${data.setup_data}\\u0007\\n`,
            stderr: `rate ${values.rate} ${thresholds['rate==1'].ok}\\n`,
            'out/summary.json': JSON.stringify(data),
        };
    }
";

#[test]
fn a_summary_of_the_scripts_own_is_shown_and_written_where_that_is_allowed() {
    let wasmload = wasmload();
    wasmload.write("script.js", SUMMARY);
    std::fs::create_dir(wasmload.folder().join("out")).expect("the folder is ours");
    let Some(refused) = ran(&wasmload, &["run", "script.js"]) else { return };
    assert_eq!(refused.code, Some(0), "{}", refused.redacted());
    assert_eq!(refused.stdout, "own outer is one 2 7\\u{7}\n");
    assert!(refused.stderr.contains("rate 1 true"), "{}", refused.redacted());
    let why = "the script's summary `out/summary.json` is not written: it is in no folder that may be written in; \
               `--allow-write out` allows it";
    assert!(refused.stderr.contains(why), "{}", refused.redacted());
    assert!(!wasmload.folder().join("out/summary.json").exists());

    let Some(allowed) = ran(&wasmload, &["run", "script.js", "--allow-write", "out"]) else {
        return;
    };
    assert!(!allowed.stderr.contains("is not written"), "{}", allowed.redacted());
    let written: Value = serde_json::from_str(&wasmload.read("out/summary.json")).expect("JSON");
    assert_eq!(written["metrics"]["iterations"]["values"]["count"], 2.0);

    let Some(missing) = ran(&wasmload, &["run", "script.js", "--allow-write", "nowhere"]) else {
        return;
    };
    assert_eq!(missing.code, Some(104), "{}", missing.redacted());
    assert!(missing.stderr.contains("--allow-write: `nowhere`: "), "{}", missing.redacted());
}

#[test]
fn libraries_that_scripts_take_from_the_network_are_here() {
    let wasmload = wasmload();
    let script = "
        import { textSummary } from 'https://jslib.k6.io/k6-summary/0.0.2/index.js';
        import { randomIntBetween, uuidv4 } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
        import { check, group } from 'k6';
        export const options = { vus: 1, iterations: 2, thresholds: { 'group_duration{group:::outer}': ['avg<60000'] }, cloud: { projectID: 1 } };

        export default function () {
            const drawn = randomIntBetween(3, 5);
            group('outer', () => check(uuidv4(), { 'is long': (id) => id.length === 36, 'is in between': drawn >= 3 && drawn <= 5 }));
        }

        export function handleSummary(data) {
            return { stdout: textSummary(data, { indent: ' ', enableColors: true }) };
        }
    ";
    wasmload.write("script.js", script);
    let Some(ran) = ran(&wasmload, &["run", "script.js"]) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    for line in [
        " █ outer\n",
        "   ✓ is long\n",
        "   ✓ is in between\n",
        " ✓ group_duration{group:::outer}...",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.redacted());
    }
    for line in ["..: 100.00% 4 out of 4\n", "..: 2 ", "..: avg="] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.redacted());
    }
}

#[test]
fn a_summary_that_fails_is_said_and_the_usual_one_stands() {
    let wasmload = wasmload();
    let script = "import 'k6';\nexport const options = { vus: 1, iterations: 1 };\nexport default function () {}\n\
                  export function handleSummary(data) {\n  return data.metrics.nothing.values;\n}\n";
    wasmload.write("script.js", script);
    let Some(ran) = ran(&wasmload, &["run", "script.js"]) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    for text in ["the script failed to make its summary: TypeError: ", "script.js:5:"] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.redacted());
    }
    assert!(ran.stdout.contains("TOTAL RESULTS"), "{}", ran.redacted());
}

#[test]
fn what_is_not_supported_is_said_before_anything_runs() {
    let wasmload = wasmload();
    let script = "import http from 'k6/http';\nimport { browser } from 'k6/browser';\n\
                  export default function () {\n  http.telepathy();\n}\n";
    wasmload.write("script.js", script);
    let Some(ran) = ran(&wasmload, &["run", "script.js"]) else { return };
    assert_eq!(ran.code, Some(121), "{}", ran.redacted());
    for text in [
        "uses what is not supported of k6",
        "script.js:2: `k6/browser` is not supported",
        "script.js:4: `http.telepathy` of `k6/http` is not supported",
    ] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.redacted());
    }
}

#[test]
fn options_that_only_k6_has_are_refused_by_name() {
    let wasmload = wasmload();
    let script = "import 'k6';\nexport const options = { vus: 1, throw: true, noUsageReport: true };\n\
                  export default function () {}\n";
    wasmload.write("script.js", script);
    let Some(ran) = ran(&wasmload, &["run", "script.js"]) else { return };
    assert_eq!(ran.code, Some(104), "{}", ran.redacted());
    assert!(ran.stderr.contains("noUsageReport"), "{}", ran.redacted());
    assert!(!ran.stderr.contains("throw"), "{}", ran.redacted());
}

#[test]
fn an_exception_fails_its_iteration_with_its_place_and_the_user_goes_on() {
    let wasmload = wasmload();
    let script = "import { check } from 'k6';\nexport const options = { vus: 1, iterations: 3 };\n\
                  export default function () {\n  check(1, { 'goes on': true });\n  null.nothing;\n}\n";
    wasmload.write("script.js", script);
    let Some(ran) = ran(&wasmload, &["run", "script.js"]) else { return };
    assert!(ran.stderr.contains("script.js:5:"), "{}", ran.redacted());
    for text in ["iterations_failed..................: 3", "100.00% 3 out of 3"] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.redacted());
    }
}

#[test]
fn flows_may_have_the_names_that_other_scripts_have_for_a_users_start_and_end() {
    holds(
        "import 'k6';
         export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 1, exec: 'start' } } };
         export function start() { console.log('flow: start'); }
         export function stop() { console.log('flow: stop'); }",
        &[("flow", "start")],
    );
}

#[test]
fn what_is_no_number_is_a_warning_and_no_sample_of_a_metric() {
    let script = "import { Trend } from 'k6/metrics';\nconst times = new Trend('times');\n\
                  export default function () {\n  console.log(`taken: ${times.add('soon')} ${times.add('7.5')} ${times.add(true)}`);\n}\n";
    let Some((ran, said)) = said(script) else { return };
    assert_eq!(said, [("taken".to_owned(), "false true true".to_owned())], "{}", ran.redacted());
    let warning =
        "'soon' is an invalid value for metric 'times', a number or a boolean value is expected";
    assert!(ran.stderr.contains(warning), "{}", ran.redacted());
    assert!(ran.stdout.contains("times") && ran.stdout.contains("avg=4.25"), "{}", ran.redacted());

    let throws =
        script.replace("export default", "export const options = { throw: true };\nexport default");
    let Some((ran, said)) = self::said(&throws) else { return };
    assert_eq!(said, [], "{}", ran.redacted());
    assert!(
        ran.stderr.contains("iteration failed") && ran.stderr.contains(warning),
        "{}",
        ran.redacted()
    );
}
