use insta::assert_snapshot;

use super::*;

fn plan(options: &str) -> Plan {
    plan::parse_json(options).unwrap().plan().unwrap()
}

#[test]
fn looping_vus_in_80_columns() {
    assert_snapshot!(text(&plan(r#"{"vus":10,"duration":"1m30s"}"#), None, false));
}

#[test]
fn nothing_asked_for_is_one_iteration() {
    assert_snapshot!(text(&plan("{}"), None, false));
}

const SHOP: &str = r#"{
    "scenarios": {
        "browse": {"executor":"constant-arrival-rate","rate":90,"timeUnit":"1m","duration":"5m",
            "preAllocatedVUs":5,"maxVUs":20},
        "buy": {"executor":"constant-vus","vus":3,"duration":"1m","startTime":"2m","exec":"buy",
            "gracefulStop":"0s"},
        "stock": {"executor":"shared-iterations","vus":2,"iterations":50,"startTime":"5m",
            "maxDuration":"1m"}
    },
    "thresholds": {"http_req_duration":["p(95)<300","max<1000"],"checks":["rate>0.99"]},
    "setupTimeout": "10s",
    "noTeardown": true
}"#;

#[test]
fn scenarios_side_by_side_share_an_axis_of_time() {
    assert_snapshot!(text(&plan(SHOP), Some(100), false));
}

#[test]
fn scenarios_side_by_side_in_60_columns() {
    assert_snapshot!(text(&plan(SHOP), Some(60), false));
}

#[test]
fn what_changes_over_time_is_seen_to_change() {
    let plan = plan(
        r#"{"scenarios":{
        "rate": {"executor":"ramping-arrival-rate","preAllocatedVUs":10,"maxVUs":30,"gracefulStop":"0s",
            "stages":[{"duration":"1m","target":40},{"duration":"30s","target":40},
                {"duration":"0s","target":10},{"duration":"30s","target":10}]},
        "users": {"executor":"ramping-vus","startVUs":0,"gracefulStop":"10s","gracefulRampDown":"10s",
            "stages":[{"duration":"1m","target":44},{"duration":"30s","target":10},
                {"duration":"30s","target":10}]}
    }}"#,
    );
    assert_snapshot!(text(&plan, None, false));
}

#[test]
fn what_chance_and_people_decide_is_said_to_be_theirs() {
    let plan = plan(
        r#"{"rps":50,"noSetup":true,"noTeardown":true,"scenarios":{
        "guests": {"executor":"constant-arrival-rate","rate":5,"duration":"30s","preAllocatedVUs":5,
            "distribution":"poisson","seed":7,"onBusy":"queue","maxQueue":100,
            "weights":{"browse":2,"buy":1}},
        "crowd": {"executor":"externally-controlled","vus":10,"maxVUs":40,"duration":0,
            "startTime":"15s","thinkTime":{"between":["1s","3s"]}}
    }}"#,
    );
    assert_snapshot!(text(&plan, None, false));
}

#[test]
fn a_preset_is_named_and_fits_40_columns() {
    let preset = plan::Preset::Load.options(plan::Options::default()).unwrap();
    assert_snapshot!(text(&preset.plan().unwrap(), Some(40), false));
}

#[test]
fn no_line_is_wider_than_the_page() {
    for (columns, width) in [(None, 80), (Some(0), 40), (Some(71), 71), (Some(10_000), 160)] {
        let text = text(&plan(SHOP), columns, false);
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest < width, "{widest} of {width}");
        assert!(widest > width - 12, "{widest} of {width}: there is room left");
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plan = plan(SHOP);
    let coloured = text(&plan, None, true);
    assert!(coloured.contains("\u{1b}["));
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(trimmed(&stripped), trimmed(&text(&plan, None, false)));
}

#[test]
fn names_cannot_act_on_the_terminal() {
    let options =
        r#"{"scenarios":{"a":{"executor":"constant-vus","duration":"1s","exec":"\u001b[2J"}}}"#;
    assert!(!text(&plan(options), None, false).contains('\u{1b}'));
}

#[test]
fn text_is_broken_at_spaces() {
    for (text, lines) in [
        ("one two three", &["one two", "three"][..]),
        ("one", &["one"]),
        ("a wonderfully wide word", &["a", "wonderfully", "wide", "word"]),
        ("", &[""]),
    ] {
        assert_eq!(wrapped(text, 8), lines);
    }
}
