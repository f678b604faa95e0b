//! The page as a browser shows it: Debian's Chromium, without a window and without a network.
//!
//! A machine that has none goes without, and says so, unless `WASMLOAD_TESTS_NEED_CHROMIUM` is set.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{NASTY, busy, idle, mishaps, named, ordinary, searched, stored};
use crate::html::{data, framed, page};
use crate::redacted::Redactor;
use crate::stored::StoredResult;
use crate::summary::tests::windowed;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A browser; `None` where there is none and none is needed.
#[expect(clippy::print_stderr, reason = "who runs the tests is to know that nothing was looked at")]
fn browser() -> Option<&'static str> {
    let is_there = |name: &&str| {
        let mut version = Command::new(name);
        let asked = version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let found = BROWSERS.into_iter().find(is_there);
    assert!(
        found.is_some() || std::env::var_os("WASMLOAD_TESTS_NEED_CHROMIUM").is_none(),
        "no Chromium: looked for {}",
        BROWSERS.join(", ")
    );
    if found.is_none() {
        eprintln!("no Chromium: the page is not looked at");
    }
    found
}

/// The page as it stands when its script has run, and then this one; `None` where there is no browser.
fn shown_after(result: &StoredResult, script: &str) -> Option<String> {
    let browser = browser()?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let page = page(result, &Redactor::default());
    let page = page.replace("</body>", &format!("<script>{{{script}}}</script></body>"));
    std::fs::write(&path, page).unwrap();
    Some(dumped(browser, folder.path(), &path))
}

fn shown(result: &StoredResult) -> Option<String> {
    shown_after(result, "")
}

fn dumped(browser: &str, folder: &Path, page: &Path) -> String {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--dump-dom",
        ])
        .args(["--no-first-run", "--disable-extensions", "--window-size=1200,900"])
        // Simulated time: the page is dumped when its script and timers are done, however slow the machine is.
        .args(["--virtual-time-budget=5000", "--allow-file-access-from-files"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_browser_shows_every_section_of_a_run() {
    let Some(shown) = shown(&stored(&busy())) else { return };
    assert!(shown.contains(r#"data-shown="whole""#), "the script has not come to its end: {shown}");
    for section in [
        "summary",
        "thresholds",
        "over-time",
        "latency",
        "endpoints",
        "phases",
        "checks",
        "errors",
        "metrics",
        "plan",
        "environment",
    ] {
        assert!(shown.contains(&format!(r#"<section id="{section}""#)), "{section}");
    }
    let charts = shown.matches("<canvas").count();
    // Throughput, percentiles over time and by percentile, heat map, and one metric.
    assert_eq!(charts, 5, "charts");
    assert_eq!(
        shown.matches("<summary>The same as a table").count(),
        charts,
        "a table behind each chart"
    );
    assert_eq!(
        shown.matches("<table class=\"figures\">").count(),
        shown.matches("<caption").count()
    );
    assert!(shown.contains("<title>Load test of shop.wasm</title>"));
}

#[test]
fn a_browser_shows_whatever_came_of_a_run() {
    for (finished, says) in [
        (ordinary(), "http_req_duration"),
        (mishaps(), "threshold"),
        (idle(), "no thresholds"),
        (searched(), "iterations/s held"),
        (windowed(), "812 ms at worst, in the 5 s up to 9 s; crossed at 7 s"),
        (windowed(), "at worst, at 9 s; not so for 3 s on end at most"),
    ] {
        let Some(shown) = shown(&stored(&finished)) else { return };
        assert!(shown.contains(r#"data-shown="whole""#), "{says}: {shown}");
        assert!(shown.contains(says), "{says}");
    }
    let Some(shown) = shown(&StoredResult::default()) else { return };
    assert!(
        shown.contains("not come to its end") && shown.contains(r#"data-shown="whole""#),
        "{shown}"
    );
}

#[test]
fn a_page_whose_run_is_gone_says_so_and_keeps_what_it_knew() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.html");
    let mut result = stored(&busy());
    result.environment.script = "scripts/shop.wasm".to_owned();
    let data = data(&result, true, &Redactor::default());
    std::fs::write(&path, framed(&data)).unwrap();
    let shown = dumped(browser, folder.path(), &path);
    assert!(shown.contains(r#"data-shown="live""#), "{shown}");
    assert!(shown.contains("The run does not answer any more"), "{shown}");
    assert!(
        shown.contains(r#"<section id="endpoints""#) && shown.contains("Load test of shop.wasm")
    );
}

#[test]
fn a_browser_takes_no_name_for_markup() {
    let Some(shown) = shown(&named(NASTY)) else { return };
    assert!(shown.contains(r#"data-shown="whole""#), "{shown}");
    assert!(!shown.contains("data-owned"), "a name was run as a script");
    assert!(!shown.contains("<img"), "a name became an element");
    assert!(shown.contains("&lt;img src=x onerror="), "the name is shown");
}

#[test]
fn a_heading_of_the_endpoints_sorts_them_by_its_column_and_again_the_other_way() {
    let press = "const head = document.querySelectorAll('#endpoints th[scope=col]')[4];
        const said = [];
        for (const times of [1, 2]) {
            head.querySelector('button').click();
            const rows = [...document.querySelectorAll('#endpoints tbody tr')];
            const failed = rows.map((row) => parseFloat(row.children[4].textContent));
            said.push(head.getAttribute('aria-sort'), failed.every((it, at) => at === 0 || (times === 1 ? failed[at - 1] >= it : failed[at - 1] <= it)), new Set(failed).size);
        }
        document.body.dataset.said = said.join(' ');";
    let Some(shown) = shown_after(&stored(&busy()), press) else { return };
    assert!(shown.contains(r#"data-said="descending true 3 ascending true 3""#), "{shown}");
}

#[test]
fn a_chart_says_what_the_arrow_keys_come_to() {
    let press = "const charts = [...document.querySelectorAll('.chart')];
        const key = (chart, key) => chart.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const said = charts.map((chart) => { key(chart, 'Home'); key(chart, 'ArrowRight'); return chart.nextSibling.textContent; });
        document.body.dataset.said = said.join('|');";
    let Some(shown) = shown_after(&stored(&busy()), press) else { return };
    let (_, rest) = shown.split_once("data-said=\"").unwrap_or_else(|| panic!("{shown}"));
    let said: Vec<_> = rest.split_once('"').unwrap().0.split('|').collect();
    assert_eq!(said.len(), 5);
    assert!(said[0].starts_with("Time 0:01, Requests/s 11, Failed/s 0, VUs"), "{}", said[0]);
    assert!(said[1].starts_with("Time 0:01, Median ") && !said[1].contains("Max"), "{}", said[1]);
    assert!(said[2].contains("from when it was due"), "{}", said[2]);
    assert!(said[3].contains("most between"), "{}", said[3]);
}

#[test]
fn a_phone_shows_the_page_no_wider_than_it_is() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("report.html");
    let long = named(&"a-name-that-goes-on-and-on/".repeat(20));
    std::fs::write(&inner, page(&long, &Redactor::default())).unwrap();
    // A browser without a window is not made as narrow as a phone.
    let outer = folder.path().join("phone.html");
    let frame = "<!doctype html><body><iframe src=report.html width=390 height=800 onload=\"
        const root = frames[0].document.documentElement;
        document.body.dataset.widths = root.clientWidth + ' ' + root.scrollWidth;\"></iframe>";
    std::fs::write(&outer, frame).unwrap();
    let shown = dumped(browser, folder.path(), &outer);
    let (_, rest) = shown.split_once("data-widths=\"").unwrap_or_else(|| panic!("{shown}"));
    let widths: Vec<u32> =
        rest.split_once('"').unwrap().0.split(' ').map(|it| it.parse().unwrap()).collect();
    assert!(widths[0] > 300 && widths[1] <= widths[0], "client and scroll width: {widths:?}");
}
