//! What a script is allowed: what it wants and does not get, what is refused while it runs, and how it is allowed.

use std::path::Path;

use demo::{Demo, Faults, RunningDemo};
use serde_json::Value;
use support::{Ran, Wasmload};

fn wasmload() -> Wasmload {
    Wasmload::new(env!("CARGO_BIN_EXE_wasmload"))
}

fn target() -> RunningDemo {
    Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default()).expect("a free port")
}

/// Runs it with a variable `TOKEN` in the environment.
fn run_with_token(wasmload: &Wasmload, arguments: &[&str]) -> Ran {
    let mut command = wasmload.command(arguments);
    command.env("TOKEN", "tea").stdout(std::process::Stdio::piped());
    let child = command.stderr(std::process::Stdio::piped()).spawn().expect("the binary starts");
    wasmload.end(child)
}

fn assert_told(ran: &Ran, code: i32, told: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}", ran.redacted());
    let all = format!("{}{}", ran.stdout, ran.stderr);
    for told in told {
        assert!(all.contains(told), "{told}\n{}", ran.redacted());
    }
}

#[test]
fn what_is_not_granted_is_refused_with_the_flag_that_grants_it_and_the_run_goes_on() {
    let run = ["run", artifacts::LEAVES_THE_GRANT, "--demo", "-e", "ROAD=get"];
    let there = ["-e", "THERE=http://192.0.2.1:8080/"];
    let ran = wasmload().run(&[&run[..], &there].concat());
    let said = "`192.0.2.1:8080` is not granted; `--allow-net 192.0.2.1:8080` grants it";
    assert_told(&ran, 0, &[said]);
    // This machine needs no grant, unless a policy says so; and what is started for the script is granted.
    let other = target();
    let there = format!("THERE={}/", other.url());
    let wasmload = wasmload();
    assert_told(&wasmload.run(&[&run[..], &["-e", &there]].concat()), 0, &["✗ reached"]);
    wasmload.write("p.toml", "loopback = false");
    let forgotten = ["run", artifacts::LEAVES_THE_GRANT, "--demo", "-e", "ROAD=forgotten"];
    let policy =
        ["-e", &there, "--policy", "p.toml", "--threshold", "http_reqs{status:200}: count==1"];
    let before = other.record().connections;
    assert_told(&wasmload.run(&[&forgotten[..], &policy].concat()), 0, &["✗ forgotten"]);
    assert_eq!(other.record().connections, before, "it is not reached any more");
}

#[test]
fn a_script_that_wants_more_than_it_was_given_is_refused_before_anything_runs() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = ["run", artifacts::WANTS_WHAT_IT_NEEDS, "-e", &base];
    let told = [
        "wants what it was not given",
        "to connect to `api.example.com:443`: --allow-net api.example.com:443",
        "to read the variable `TOKEN`: --allow-env TOKEN",
        "hint: these give it: --allow-net api.example.com:443 --allow-env TOKEN",
    ];
    assert_told(&run_with_token(&wasmload, &run), 124, &told);
    assert_eq!(target.record().connections, 0);
    // What nobody has cannot be given.
    let ran = wasmload.run(&run);
    assert_told(&ran, 124, &told[1..2]);
    assert!(!ran.stderr.contains("TOKEN"), "{}", ran.stderr);
    let few = ["--allow-net", "*.example.com", "--allow-env", "TOKEN", "--allow-method", "HEAD"];
    let ran = run_with_token(&wasmload, &[&run[..], &few].concat());
    assert_told(&ran, 124, &["to send requests of the method `GET`: --allow-method GET"]);
    let plan = ["plan", artifacts::WANTS_WHAT_IT_NEEDS, "--allow-env", "TOKEN"];
    let said =
        "the script wants what it was not given: to connect to `api.example.com:443`: --allow-net";
    assert_told(&run_with_token(&wasmload, &plan), 0, &[said, "at most 50 a second"]);
}

#[test]
fn a_script_gets_what_it_wants_and_was_allowed_and_no_more() {
    let wasmload = wasmload();
    wasmload.write("p.json", r#"{ "net": ["*"], "env": ["TOKEN", "HOME"] }"#);
    let run = ["run", artifacts::WANTS_WHAT_IT_NEEDS, "--demo"];
    for allowed in [
        &["--allow-net", "api.example.com,192.0.2.1", "--allow-env", "TOKEN"][..],
        &["--policy", "p.json"],
        &["--allow-all"],
    ] {
        let ran = run_with_token(&wasmload, &[&run[..], allowed].concat());
        let told = [
            r#"TOKEN=Some("tea")"#,
            "GET 200",
            "POST not allowed: the method `POST` is not among those that are allowed and wanted",
            "elsewhere not allowed: `192.0.2.1:8080` is not among what the script says it wants",
        ];
        assert_told(&ran, 0, &told);
    }
    let ran = wasmload.run(&[&run[..], &["--allow-all", "--allow-env", "HOME"]].concat());
    assert_told(&ran, 0, &["TOKEN=None", "`--allow-env HOME` has no effect"]);
}

#[test]
fn on_a_terminal_whoever_runs_it_is_asked_once() {
    let wasmload = wasmload();
    let run = ["run", artifacts::WANTS_WHAT_IT_NEEDS, "--demo", "--allow-env", "TOKEN"];
    let asked = ["wants", "  to connect to `api.example.com:443`", "Allow? [y/N] "];
    let ran = wasmload.on_terminal(&run, "y\n");
    assert_told(&ran, 0, &asked);
    assert_eq!(ran.stderr.matches("Allow?").count(), 1, "{}", ran.stderr);
    let ran = wasmload.on_terminal(&run, "n\n");
    assert_told(&ran, 124, &[&asked[..], &["--allow-net api.example.com:443"]].concat());
    // What a yes cannot give is not asked for.
    let login = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rust/login.rs");
    let built = wasmload.run(&["build", login, "-o", "login.wasm"]);
    assert_told(&built, 0, &[]);
    let ran = wasmload.on_terminal(&["run", "login.wasm", "--demo"], "y\n");
    assert!(ran.code != Some(0) && !ran.stderr.contains("Allow?"), "{}", ran.redacted());
}

#[test]
fn a_policy_that_makes_no_sense_is_refused_with_all_that_is_wrong_with_it() {
    let wasmload = wasmload();
    wasmload.write(
        "p.toml",
        "nett = []\nnet = ['10.0.0.7/8', '*.']\nmethods = []\nperHost = { rsp = 1 }",
    );
    wasmload.write("all.json", r#"{ "all": true, "methods": ["GET"] }"#);
    wasmload.write("wants.json", r#"{ "wants": { "net": ["*"] } }"#);
    let script = artifacts::GIVES_OPTIONS;
    for (arguments, told) in [
        (
            &["run", script, "--policy", "p.toml"][..],
            &[
                "the policy in `p.toml` is invalid",
                "unknown key `nett`; did you mean `net`?",
                "net[0]: must be a network or an address: the network is `10.0.0.0/8`",
                "net[1]: covers nothing",
                "methods: must not be empty",
                "perHost: unknown key `rsp`; did you mean `rps`?",
            ][..],
        ),
        (&["plan", script, "--policy", "all.json"], &["methods: contradicts `all`"]),
        (&["inspect", script, "--allow-net", "a:0"], &["must have a port from 1 to 65535"]),
        (&["run", script, "--allow-net", "10.0.0.0/40"], &["must have at most 32 bits"]),
        (&["run", script, "--allow-all", "--policy", "all.json"], &["cannot be used with"]),
        (&["run", script, "--allow-read", "no/such"], &["--allow-read: `no/such`: No such file"]),
        (&["run", script, "-c", "wants.json"], &["wants: is for a script's own options only"]),
    ] {
        assert_told(&wasmload.run(arguments), 104, told);
    }
    let schema = wasmload.run(&["schema", "policy"]);
    let schema: Value = serde_json::from_str(&schema.stdout).expect("a schema is JSON");
    assert!(schema["properties"]["perHost"].is_object());
}

#[test]
fn places_of_a_scripts_own_options_are_no_way_round() {
    let wasmload = wasmload();
    let run = ["run", artifacts::BRINGS_ITS_OWN_PLACES, "--allow-net", "granted.invalid"];
    let places =
        "to connect to `192.0.2.1:8080`, by `hosts` in its own options: --allow-net 192.0.2.1:8080";
    let proxy = "by `proxy` in its own options: --allow-net proxy.invalid:3128";
    assert_told(&wasmload.run(&run), 124, &[places, proxy]);
    // What whoever runs it puts in their place is theirs.
    wasmload
        .write("mine.json", r#"{ "hosts": { "granted.invalid": "127.0.0.1:1" }, "proxy": "" }"#);
    let ran = wasmload.run(&[&run[..], &["-c", "mine.json"]].concat());
    assert_told(&ran, 0, &["connection refused"]);
}

#[test]
fn a_scripts_own_options_name_files_only_where_they_may() {
    let wasmload = wasmload();
    for folder in ["script", "script/rows", "elsewhere"] {
        std::fs::create_dir(wasmload.folder().join(folder)).expect("the folder is ours");
    }
    std::fs::copy(artifacts::NAMES_ROWS_BESIDE_IT, wasmload.folder().join("script/a.wasm"))
        .unwrap();
    wasmload.write("script/rows/users.csv", "name\nAda\n");
    wasmload.write("script/rows/photo.jpg", "a photo");
    let run = ["run", "script/a.wasm", "--demo"];
    let said =
        "datasets.users.file: a script may not name files itself, but names `rows/users.csv`";
    let hint = "or allow the file with `--allow-read`";
    assert_told(&wasmload.run(&run), 104, &[said, hint, "files.photo: a script may not"]);
    let of = |path| wasmload.run(&[&run[..], &["--allow-read", path]].concat());
    assert_told(&of("script/rows"), 0, &["the user is Ada"]);
    assert_told(&of("script/rows/users.csv"), 104, &["files.photo: a script may not"]);
    assert_told(&of("elsewhere"), 104, &[said]);
    // A link is what it leads to.
    wasmload.write("elsewhere/users.csv", "name\nEve\n");
    let link = wasmload.folder().join("script/rows/users.csv");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("../../elsewhere/users.csv", &link).unwrap();
    assert_told(&of("script/rows"), 104, &[said]);
    assert_told(&of("."), 0, &["the user is Eve"]);
}

#[test]
fn a_built_script_carries_what_it_wants_and_inspect_reads_it_without_running_it() {
    let wasmload = wasmload();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rust/login.rs");
    let built = wasmload.run(&["build", source, "-o", "login.wasm"]);
    assert_eq!(built.code, Some(0), "{}", built.redacted());
    let inspect = |arguments: &[&str]| {
        let ran = wasmload.run(&[&["inspect", "login.wasm", "--json"], arguments].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.redacted());
        serde_json::from_str::<Value>(&ran.stdout).expect("it is JSON")
    };
    let unasked = inspect(&["--no-options"]);
    assert_eq!(unasked["wants"]["datasets"][0], "users");
    assert_eq!((&unasked["options"], &unasked["refused"]), (&Value::Null, &Value::Array(vec![])));
    assert!(inspect(&[])["options"].is_object());
    // The same sources are the same component.
    let again = wasmload.run(&["build", source, "-o", "again.wasm"]);
    assert_eq!(again.code, Some(0), "{}", again.redacted());
    let read = |name| std::fs::read(wasmload.folder().join(name)).expect("it was built");
    assert!(read("login.wasm") == read("again.wasm"));
    let ran = wasmload.run(&["run", "login.wasm", "--demo"]);
    assert_ne!(ran.code, Some(0), "it was given no rows");
}

#[test]
fn a_script_that_wants_what_it_does_not_declare_is_refused() {
    let wasmload = wasmload();
    let honest = std::fs::read(artifacts::WANTS_WHAT_IT_NEEDS).expect("the guest is there");
    let declaring = |wants| host::with_wants(honest.clone(), wants);
    wasmload
        .write("liar.wasm", declaring(r#"{"net":["harmless.example"],"env":["TOKEN"],"rps":10}"#));
    let told = [
        "`liar.wasm` wants what it does not declare",
        "wants.net: `api.example.com:443` is not declared",
        "wants.rps: 50 is wanted, and 10 is declared",
    ];
    for subcommand in ["run", "plan", "inspect"] {
        assert_told(&wasmload.run(&[subcommand, "liar.wasm", "--allow-all"]), 120, &told);
    }
    // What it declares can be read all the same.
    let ran = wasmload.run(&["inspect", "liar.wasm", "--no-options"]);
    assert_told(&ran, 0, &["harmless.example", "to connect to `harmless.example`: --allow-net"]);
    wasmload.write("odd.wasm", declaring(r#"{"nett":[]}"#));
    let ran = wasmload.run(&["run", "odd.wasm"]);
    assert_told(&ran, 120, &["`wasmload:wants` of `odd.wasm` is invalid", "did you mean `net`?"]);
    // One that declares it and says nothing of it in its options is held to it.
    let silent = std::fs::read(artifacts::GIVES_OPTIONS).expect("the guest is there");
    wasmload.write("silent.wasm", host::with_wants(silent, r#"{"net":["a.example"]}"#));
    assert_told(&wasmload.run(&["run", "silent.wasm", "--demo"]), 124, &["--allow-net a.example"]);
}

#[test]
fn inspect_tells_what_would_be_refused_under_a_policy() {
    let wasmload = wasmload();
    wasmload.write("p.toml", "net = ['*.example.com']\nmethods = ['POST']");
    let inspect = ["inspect", artifacts::WANTS_WHAT_IT_NEEDS, "--policy", "p.toml"];
    let refused = [
        "to send requests of the method `GET`: --allow-method GET",
        "to read the variable `TOKEN`: --allow-env TOKEN",
    ];
    let ran = wasmload.run(&inspect);
    assert_told(&ran, 0, &refused);
    assert!(!ran.stdout.contains("to connect to"), "{}", ran.stdout);
    let ran = wasmload.run(&[&inspect[..], &["--json"]].concat());
    let told: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    assert_eq!(told["wants"]["net"][0], "api.example.com:443");
    assert_eq!(told["refused"], serde_json::json!(refused));
    let ran = wasmload.run(&["inspect", artifacts::NAMES_A_FILE]);
    assert_told(
        &ran,
        0,
        &["wants     it does not say", "refused   ", "datasets.users.file: a script"],
    );
}

#[test]
fn one_host_gets_no_more_connections_than_it_may_have() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = ["run", artifacts::CHECKS_A_PAGE, "-e", &base, "--vus", "6", "-i", "60"];
    let polite = ["--max-connections-per-host", "1", "--workers", "2"];
    let holds = ["--threshold", "http_req_failed: rate==0", "--threshold", "http_reqs: count==60"];
    let ran = wasmload.run(&[&run[..], &polite, &holds].concat());
    assert_told(&ran, 0, &[]);
    assert_eq!(target.record().requests, 60);
    let none = wasmload.run(&[&run[..], &["--max-connections-per-host", "0"]].concat());
    assert_eq!(none.code, Some(104), "{}", none.redacted());
}

#[test]
fn a_file_that_appears_ends_the_run() {
    let (wasmload, target) = (wasmload(), target());
    let base = format!("BASE_URL={}", target.url());
    let run = ["run", artifacts::CHECKS_A_PAGE, "-e", &base, "-d", "10m", "--stop-file", "stop"];
    let child = wasmload.start(&run);
    while target.record().requests == 0 {
        std::thread::yield_now();
    }
    wasmload.write("stop", "");
    let ran = wasmload.end(child);
    assert_told(&ran, 105, &["iterations"]);
    // It is there already.
    let again = wasmload.run(&run);
    assert_told(&again, 104, &["`stop` cannot stop this run", "it is there already"]);
    assert!(Path::new(&wasmload.folder().join("stop")).exists());
}
