//! Scripts in JavaScript and TypeScript: what becomes of them, and what is said of what is wrong in one.
//!
//! They are built by esbuild and componentize-qjs. Where those are missing, the tests say so and show nothing, unless
//! WASMLOAD_TESTS_NEED_LANGUAGES names `js` or `ts`.

use std::path::Path;
use std::process::Command;

use support::{Ran, Wasmload};

/// Runs the binary in a folder with these files; nothing, with a line about it, where the tools are missing.
fn ran(files: &[(&str, &str)], arguments: &[&str]) -> Option<Ran> {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    ran_in(&wasmload, files, arguments)
}

fn ran_in(wasmload: &Wasmload, files: &[(&str, &str)], arguments: &[&str]) -> Option<Ran> {
    for (name, content) in files {
        std::fs::create_dir_all(wasmload.folder().join(name).parent().expect("a folder"))
            .expect("the folder is ours");
        wasmload.write(name, content);
    }
    let ran = wasmload.run(arguments);
    support::has_tools("js", &ran).then_some(ran)
}

/// Runs a script of this name once, against the demo target.
fn once(name: &str, script: &str) -> Option<Ran> {
    ran(&[(name, script)], &["run", name, "--demo", "--vus", "1", "--iterations", "1"])
}

/// Holds that a script is refused with this exit code and that these texts are said.
fn refused(files: &[(&str, &str)], code: i32, says: &[&str]) {
    let Some(ran) = ran(files, &["run", files[0].0]) else { return };
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
    for text in says {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.redacted());
    }
}

#[test]
fn a_script_of_one_file_runs_with_what_it_says_itself() {
    let script = "
        import http, { baseUrl, check, Trend } from 'wasmload';

        export const options = { vus: 2, iterations: 6, thresholds: { checks: ['rate==1'] } };
        const size = new Trend('page_size');

        export function setup() {
            return { word: 'Grüße 🌍' };
        }

        export default function (data) {
            const home = http.get(baseUrl('/'));
            check('home is up', home.status === 200);
            size.add(home.bodyLength);
            const echo = http.post(baseUrl('/echo'), { json: data });
            check(echo, { 'what setup gave is sent': (r) => r.json().body === JSON.stringify({ word: 'Grüße 🌍' }) });
        }
    ";
    let Some(ran) = ran(&[("shop.js", script)], &["run", "shop.js", "--demo"]) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    for text in
        ["12 out of 12", "✓ home is up", "page_size", "http_reqs..........................: 12"]
    {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.redacted());
    }
}

#[test]
fn a_folder_with_a_package_is_bundled_with_its_modules() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let files = [
        ("shop/package.json", r#"{ "name": "shop", "main": "load.ts" }"#),
        (
            "shop/load.ts",
            "import { check } from 'wasmload';\nimport { greet } from './lib/words';\nimport names from './names.json';\n\
             import twice from 'twice';\nenum Mark { Good = '!' }\n\
             export default function (): void { console.log(twice(greet(names[0]) + Mark.Good)); check('it ran', true); }",
        ),
        ("shop/lib/words.ts", "export const greet = (name: string): string => `hello ${name}`;"),
        ("shop/names.json", r#"["Ada"]"#),
        ("shop/node_modules/twice/package.json", r#"{ "name": "twice", "main": "main.cjs" }"#),
        ("shop/node_modules/twice/main.cjs", "module.exports = (text) => text + text;"),
    ];
    let once = ["--vus", "1", "--iterations", "1"];
    let Some(ran) = ran_in(&wasmload, &files, &[&["run", "shop"][..], &once].concat()) else {
        return;
    };
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert!(ran.stderr.contains("hello Ada!hello Ada!"), "{}", ran.redacted());
}

#[test]
fn what_stands_at_the_top_runs_in_each_user_with_what_it_was_given_and_its_own_numbers() {
    let script = "
        import { context, env } from 'wasmload';

        console.log(`top of ${context.vu}: ${env('WORD')}`);
        console.log('draw', Math.random());
        export const options = {
            scenarios: { s: { executor: 'per-vu-iterations', vus: Number(env('USERS') ?? 1), iterations: 2 } },
        };

        export default function () {
            console.log('draw', Math.random(), crypto.randomUUID());
        }
    ";
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let arguments = ["run", "s.js", "--seed", "7", "-e", "WORD=hello", "-e", "USERS=2"];
    let mut draws = Vec::new();
    for _ in 0..2 {
        let Some(ran) = ran_in(&wasmload, &[("s.js", script)], &arguments) else { return };
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        for text in ["top of 0: hello", "top of 1: hello", "top of 2: hello", "2 max VUs"] {
            assert!(ran.stderr.contains(text), "{text}: {}", ran.redacted());
        }
        let of_users =
            ran.stderr.lines().filter(|line| line.contains(": draw ") && line.contains("VU"));
        let mut drawn: Vec<String> = of_users.map(ToOwned::to_owned).collect();
        drawn.sort();
        draws.push(drawn);
    }
    assert_eq!(draws[0], draws[1], "the same seed gives the same numbers");
    let mut numbers: Vec<_> = draws[0].iter().map(|line| line.split("draw ").nth(1)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 6, "two users, each at its top and twice, differ: {:?}", draws[0]);
}

#[test]
fn promises_timers_and_what_browsers_have_are_there() {
    let script = "
        import { check, now } from 'wasmload';

        const later = (length, value) => new Promise((resolve) => setTimeout(resolve, length, value));

        async function* counts() {
            yield 1;
            await later(1);
            yield 2;
        }

        export default async function () {
            const order = [];
            setTimeout(() => order.push('timer'), 2);
            queueMicrotask(() => order.push('microtask'));
            const ticks = setInterval(() => order.push('tick') > 5 && clearInterval(ticks), 1);
            order.push(await later(5, 'later'));
            for await (const count of counts()) order.push(count);
            const [one, two] = await Promise.all([later(3, 'a'), 'b']);
            check('in order', order[0] === 'microtask' && order.includes('timer') && order.includes(2));
            check('all', one + two === 'ab');
            check('any', await Promise.any([Promise.reject(1), later(1, 7)]) === 7);
            check('race', await Promise.race([later(9, 'slow'), later(1, 'fast')]) === 'fast');
            const settled = await Promise.allSettled([1, Promise.reject(2)]);
            check('settled', settled[0].value === 1 && settled[1].reason === 2);
            check('caught', await later(1).then(() => { throw 3; }).catch((e) => e).finally(() => 9) === 3);
            check('time goes on', Date.now() > 1e12 && now() >= 5);
            setTimeout(() => check('what is left is done', true), 5);

            console.log('text', 1, { a: [true] }, null, undefined);
            console.warn(new TypeError('a warning'));
            const text = 'Grüße 🌍';
            check('utf-8', new TextDecoder().decode(new TextEncoder().encode(text)) === text);
            check('odd bytes', new TextDecoder().decode(Uint8Array.of(0x61, 0xff, 0xe2, 0x82, 0x62)) === 'a\\ufffd\\ufffdb');
            check('base64', atob(btoa('abc')) === 'abc');
            const query = new URLSearchParams('?a=1&b=x+y%21&%zz');
            query.append('ä', '&');
            check('queries', query.get('b') === 'x y!' && query.toString() === 'a=1&b=x+y%21&%25zz=&%C3%A4=%26');
        }
    ";
    let Some(ran) = once("s.js", script) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.redacted());
    assert!(ran.stdout.contains("100.00% 12 out of 12"), "{}", ran.redacted());
    assert!(!ran.stdout.contains("iterations_failed"), "{}", ran.redacted());
    let said = r#"info: VU 1: text 1 {"a":[true]} null undefined"#;
    assert!(ran.stderr.contains(said), "{}", ran.redacted());
    assert!(ran.stderr.contains("warning: VU 1: TypeError: a warning"), "{}", ran.redacted());
}

#[test]
fn exceptions_fail_the_iteration_with_the_line_of_the_source_and_the_user_goes_on() {
    let script = "import http from 'wasmload';
interface Basket { size: number }
function buy(basket: Basket): void {
    if (basket.size > 1) throw new RangeError('the basket is full');
}
export function thrown() {
    buy({ size: 2 });
}
async function inner() {
    await null;
    throw new Error('after a while');
}
export async function awaited() {
    await inner();
}
export function forgotten() {
    Promise.reject(new Error('nobody asked'));
}
export function never() {
    return new Promise(() => {});
}
export function timer() {
    setTimeout(() => { throw new Error('in a timer'); }, 1);
}
export function text() {
    throw 'no exception at all';
}
export function refused() {
    http.get('http://127.0.0.1:1/');
}
export function setting() {
    http.get('http://127.0.0.1:1/', { headrs: {} } as object);
}
";
    let flows = ["thrown", "awaited", "forgotten", "never", "timer", "text", "refused", "setting"];
    let scenarios = flows.map(|flow| {
        format!(r#""{flow}": {{ "executor": "per-vu-iterations", "vus": 1, "iterations": 2, "exec": "{flow}" }}"#)
    });
    let options = format!(r#"{{ "scenarios": {{ {} }} }}"#, scenarios.join(","));
    let files = [("s.ts", script), ("o.json", &options)];
    let Some(ran) = ran(&files, &["run", "s.ts", "-c", "o.json"]) else { return };
    for text in [
        "RangeError: the basket is full\n    at buy (s.ts:4:36)\n    at thrown (s.ts:7:5)\n",
        "after a while\n    at s.ts:11:15\n",
        "nobody asked\n    at forgotten (s.ts:17:24)\n",
        "`never` waits for a promise that nothing will settle\n",
        "in a timer\n    at s.ts:23:34\n",
        "no exception at all\n",
        "connection refused\n    at refused (s.ts:29:10)\n",
        "TypeError: a request has no setting `headrs`; there are body, json",
    ] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.redacted());
    }
    assert!(ran.stdout.contains("iterations_failed..................: 16"), "{}", ran.redacted());
    assert!(!ran.stdout.contains("traps"), "{}", ran.redacted());
}

#[test]
fn a_syntax_error_is_said_with_file_line_column_and_a_mark() {
    refused(
        &[("s.ts", "export default function () {\n    const a = ;\n}\n")],
        121,
        &[
            "`s.ts` cannot be built",
            "s.ts:2:15: Unexpected \";\"",
            "2 │     const a = ;",
            "╵               ^",
        ],
    );
    refused(
        &[("s.js", "await 1;\nexport default () => {};")],
        121,
        &["s.js:1:1: `await` stands at the top of a module", "put it into `setup`"],
    );
}

#[test]
fn modules_that_are_not_there_are_said_by_name_and_place() {
    refused(
        &[(
            "s.js",
            "import fs from 'fs';\nimport { exec } from 'node:child_process';\nimport pad from 'left-pad';\n\
             import { a } from './a';\nexport default () => { fs; exec; pad; a; };",
        )],
        121,
        &[
            "s.js:1:16: Node's module \"fs\" is not there",
            "a script has no files: rows come by `new Dataset(name)`",
            "s.js:2:22: Node's module \"node:child_process\" is not there",
            "s.js:3:17: the module \"left-pad\" is not there",
            "`npm install left-pad`",
            "s.js:4:19: there is no file \"./a\"",
        ],
    );
    refused(
        &[("s.js", "import { nothing } from 'wasmload';\nexport default () => nothing;")],
        121,
        &["s.js:1:10: No matching export in \"wasmload\" for import \"nothing\""],
    );
    refused(
        &[("s.js", "import x from 'https://example.invalid/x.js';\nexport default () => x;")],
        121,
        &[
            "s.js:1: the module \"https://example.invalid/x.js\" is not there",
            "install them with npm",
        ],
    );
}

#[test]
fn options_of_the_wrong_type_are_said_by_their_path() {
    let script = "import { env } from 'wasmload';
const all = {
    text: () => ({ vus: 'ten' }),
    function: () => ({ vus: 1, tags: { a() {} } }),
    nan: () => ({ vus: 0 / 0 }),
    bigint: () => ({ vus: 10n }),
    cycle() { const a = {}; a.a = a; return a; },
    array: () => [1],
    thrown() { throw new Error('at the top'); },
};
export const options = all[env('CASE')]();
export default () => {};
";
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    for (case, code, says) in [
        ("text", 104, "vus: must be a whole number, but is `ten`"),
        ("function", 107, "options.tags.a is a function, and only data can stand there"),
        ("nan", 107, "options.vus is NaN"),
        ("bigint", 107, "options.vus is 10n, a BigInt"),
        ("cycle", 107, "options.a is something that it is itself a part of"),
        ("array", 107, "`options` is an array"),
        ("thrown", 107, "at the top\n    at thrown (s.js:9:"),
    ] {
        let arguments = ["run", "s.js", "-e", &format!("CASE={case}")];
        let Some(ran) = ran_in(&wasmload, &[("s.js", script)], &arguments) else { return };
        assert_eq!(ran.code, Some(code), "{case}: {}", ran.redacted());
        assert!(ran.stderr.contains(says), "{case}: {}", ran.redacted());
    }
    let says = "it exports no function to run: `export default function";
    refused(&[("s.js", "export const a = 1;")], 107, &[says]);
}

#[test]
fn the_same_script_is_built_once() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let script = "export default () => {};";
    let Some(first) = ran_in(&wasmload, &[("s.js", script)], &["build", "s.js"]) else { return };
    let again = wasmload.run(&["build", "s.js"]);
    assert_eq!(first.stdout, again.stdout);
    wasmload.write("s.js", "export default () => { 1; };");
    assert_ne!(wasmload.run(&["build", "s.js"]).stdout, first.stdout);
}

#[test]
fn a_script_has_no_shared_libraries_in_it() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let files = [("s.js", "export default () => {};")];
    if ran_in(&wasmload, &files, &["build", "s.js", "--output", "s.wasm"]).is_some() {
        let component = std::fs::read(wasmload.folder().join("s.wasm")).expect("what was built");
        assert!(!support::has_shared_libraries(&component));
    }
}

/// Runs a tool of the language in a folder; false, with a line about it, where it is missing.
fn tool(language: &str, folder: &Path, command: &[&str]) -> Option<String> {
    let output = match Command::new(command[0]).args(&command[1..]).current_dir(folder).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            support::go_without_tool(language, command[0]);
            return None;
        }
        output => output.expect("it starts"),
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    Some(said)
}

#[test]
fn a_scaffold_builds_runs_and_tests_its_script() {
    for language in ["js", "ts"] {
        let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
        let new = wasmload.run(&["new", "shop", "--lang", language]);
        assert_eq!(new.code, Some(0), "{}", new.redacted());
        assert!(new.stdout.contains(&format!("shop/script.{language}")), "{}", new.stdout);
        let arguments = ["run", "shop", "--demo", "--vus", "2", "--iterations", "2"];
        let Some(ran) = ran_in(&wasmload, &[], &arguments) else { return };
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        assert!(ran.stdout.contains("2 out of 2"), "{}", ran.redacted());

        let folder = wasmload.folder().join("shop");
        let Some(said) = tool(language, &folder, &["npm", "test"]) else { return };
        assert!(said.contains("# pass 3"), "{said}");
        let config = if language == "ts" { "tsconfig.json" } else { "jsconfig.json" };
        let _ = tool("ts", &folder, &["tsc", "-p", config]);
    }
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    let refused = wasmload.run(&["new", "shop", "--lang", "js", "--sdk", "."]);
    assert_eq!(refused.code, Some(104), "{}", refused.redacted());
    assert!(refused.stderr.contains("`--sdk` has no effect on a script"), "{}", refused.redacted());
}

/// Where the examples are.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

#[test]
fn examples_do_what_those_in_rust_do() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    for (file, says) in [
        ("js/hello.js", "✓ home is up"),
        ("js/shop.js", "✓ order is taken"),
        ("ts/chat.ts", "✓ pings are answered"),
    ] {
        let path = format!("{EXAMPLES}/{file}");
        let arguments = ["run", &path, "--demo", "--vus", "2", "--iterations", "2"];
        let Some(ran) = ran_in(&wasmload, &[], &arguments) else { return };
        assert_eq!(ran.code, Some(0), "{file}: {}", ran.redacted());
        assert!(ran.stdout.contains(says), "{file}: {}", ran.redacted());
        assert!(
            ran.stdout.contains("checks_failed......................: 0.00%"),
            "{file}: {}",
            ran.redacted()
        );
    }
}

#[test]
fn examples_and_the_kit_fit_the_types_of_the_sdk() {
    for config in ["ts", "js/jsconfig.json", "../tests/kit/ts"] {
        if tool("ts", Path::new(EXAMPLES), &["tsc", "-p", config]).is_none() {
            return;
        }
    }
}

#[test]
fn missing_tools_are_said_with_what_installs_them() {
    let wasmload = Wasmload::new(env!("CARGO_BIN_EXE_wasmload"));
    wasmload.write("s.js", "export default () => {};");
    let nowhere = wasmload.folder().join("nowhere");
    let output =
        wasmload.command(&["run", "s.js"]).env("PATH", &nowhere).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(121), "{said}");
    assert!(said.contains("`esbuild`, which builds scripts like this one, is missing"), "{said}");
    assert!(said.contains("npm install --save-dev esbuild componentize-qjs"), "{said}");
    assert!(!Path::new(&nowhere).exists());
}
