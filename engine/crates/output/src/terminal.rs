//! The run's progress and messages for whoever watches it.
//!
//! On a terminal a block of lines is redrawn in place, in k6's form, with the last minute (`recent`) between how far all has
//! come and how far each scenario has; elsewhere a line is printed every few seconds. How it gets to the screen, and how it stays whole when others write there too, is
//! [`Screen`]'s matter.

mod bars;
mod recent;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Outcome, Verdict};
use plan::{Plan, Schedule};
use run::{Event, EventKind, FailureKind, Finished, Step, StopReason, Tick};

use self::recent::Recent;
use crate::line::{BAD, FAINT, GOOD, Line, VALUE};
use crate::numbers::{self, counted};
use crate::screen::{Screen, Severity};
use crate::{Output, OutputError};

/// How often a line is printed where nothing can be redrawn: in the first minute, when one looks
/// whether it goes well, and later, when it is a log that someone will read.
const EVERY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

/// What the header says that the plan does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The script's name or path.
    pub script: String,
    /// Where results go beside the terminal: paths and addresses.
    pub outputs: Vec<String>,
}

/// Shows a run's progress and what goes wrong.
#[derive(Debug)]
pub struct Terminal {
    screen: Screen,
    header: Header,
    phase: Phase,
    plan: Option<Arc<Plan>>,
    /// The most VUs each scenario will have.
    scenarios_max: Vec<u32>,
    /// The most VUs there were so far: at the end there are none any more.
    vus_max: u32,
    tick: Option<Tick>,
    pace: Pace,
    recent: Recent,
    /// When the next line is due where nothing is redrawn, in time of the load.
    next_line: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    MakingVus {
        made: u32,
        total: u32,
    },
    Setup,
    Load,
    Teardown,
    /// Nothing that takes time.
    Idle,
}

/// How many requests were made a second since it was last looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    elapsed: Duration,
    requests: u64,
    a_second: f64,
}

impl Pace {
    fn take(&mut self, tick: &Tick) {
        let seconds = tick.elapsed.saturating_sub(self.elapsed).as_secs_f64();
        if seconds > 0.0 {
            self.a_second = tick.requests.saturating_sub(self.requests) as f64 / seconds;
        }
        (self.elapsed, self.requests) = (tick.elapsed, tick.requests);
    }
}

impl Terminal {
    /// Shows it on a screen, under a header.
    pub fn new(screen: Screen, header: Header) -> Self {
        Self {
            screen,
            header,
            phase: Phase::Idle,
            plan: None,
            scenarios_max: Vec::new(),
            vus_max: 0,
            tick: None,
            pace: Pace::default(),
            recent: Recent::default(),
            next_line: EVERY.0,
        }
    }

    fn start(&mut self, plan: &Arc<Plan>) {
        let most = |scenario: &plan::ScenarioPlan| {
            scenario.executor.demand().iter().map(|step| step.vus).max().unwrap_or(0)
        };
        self.scenarios_max = plan.scenarios.iter().map(most).collect();
        self.plan = Some(plan.clone());
        self.screen.lines(self.header_lines(plan));
        for warning in &plan.warnings {
            self.screen.message(Severity::Warning, warning);
        }
    }

    fn header_lines(&self, plan: &Plan) -> Vec<Line> {
        let outputs = match self.header.outputs.is_empty() {
            true => "-".to_owned(),
            false => self.header.outputs.join(", "),
        };
        let field = |name: &str, value: &str| {
            Line::new().plain(format!("{name:>14}: ")).styled(VALUE, value)
        };
        let mut lines = vec![
            Line::new(),
            field("execution", "local"),
            field("script", &self.header.script),
            field("output", &outputs),
            Line::new(),
        ];
        lines.extend(plan.describe().iter().map(|said| match said.split_once(": ") {
            Some((name @ "scenarios", value)) => field(name, value),
            _ => Line::new().plain(format!("{:14}{said}", "")),
        }));
        if let Some(seed) = plan.seed {
            lines.push(field("seed", &seed.to_string()));
        }
        if let Some(preset) = plan.preset {
            // What the name stands for, in plain words.
            let outline = plan.outline(NonZeroUsize::MIN);
            lines.push(field("preset", preset.name()));
            let sentences = outline.scenarios.into_iter().flat_map(|scenario| scenario.sentences);
            lines.extend(sentences.map(|said| Line::new().plain(format!("{:16}{said}", ""))));
        }
        lines.push(Line::new());
        lines
    }

    /// Takes in another tick, and shows it.
    fn tick(&mut self, tick: &Tick) {
        self.vus_max = self.vus_max.max(tick.vus_max);
        self.tick = Some(tick.clone());
        if self.screen.manner().live {
            self.pace.take(tick);
            self.draw();
        } else if tick.elapsed >= self.next_line {
            let figures = self.recent.figures(tick.elapsed.saturating_sub(self.pace.elapsed));
            self.pace.take(tick);
            let every = if tick.elapsed < Duration::from_secs(60) { EVERY.0 } else { EVERY.1 };
            while self.next_line <= tick.elapsed {
                self.next_line += every;
            }
            self.screen.lines(vec![self.running_line(tick, usize::MAX).plain(figures)]);
        }
    }

    /// Redraws the block.
    fn draw(&self) {
        if !self.screen.manner().live {
            return;
        }
        let (columns, rows) = self.screen.size();
        let block = match self.phase {
            Phase::MakingVus { made, total } => {
                let text = format!(" {made}/{total} VUs");
                let columns = columns.saturating_sub(text.len());
                vec![bars::bar_line("init", ' ', share(made, total), columns).plain(text)]
            }
            Phase::Setup => vec![Line::new().plain("running setup")],
            Phase::Teardown => vec![Line::new().plain("running teardown")],
            Phase::Load => self.load_block(columns, rows),
            Phase::Idle => Vec::new(),
        };
        self.screen.show(block);
    }

    fn load_block(&self, columns: usize, rows: usize) -> Vec<Line> {
        let (Some(plan), Some(tick)) = (&self.plan, &self.tick) else { return Vec::new() };
        let mut block = vec![self.running_line(tick, columns.saturating_sub(1))];
        block.extend(crossed_line(tick));
        let recent = self.recent.lines(columns.saturating_sub(1));
        // Scenarios go before.
        if block.len() + recent.len() + tick.scenarios.len() < rows {
            block.extend(recent);
        }
        let mut shown: Vec<usize> = (0..tick.scenarios.len()).collect();
        // The block and a line to type on; more would scroll away and could not be redrawn.
        let room = rows.saturating_sub(block.len() + 1).max(1);
        let mut left_out = 0;
        if shown.len() > room {
            shown.retain(|&place| tick.scenarios[place].state != run::ScenarioState::Finished);
            shown.truncate(room.saturating_sub(1));
            left_out = tick.scenarios.len() - shown.len();
        }
        block.extend(bars::lines(plan, &self.scenarios_max, tick, &shown, Some(columns)));
        if left_out > 0 {
            let text = format!("… {}", counted(left_out as u64, "more scenario"));
            block.push(Line::new().styled(FAINT, text));
        }
        block
    }

    /// `running (0m10.0s), 10/10 VUs, 50 complete and 0 interrupted iterations, 120 requests (12.0/s)`,
    /// shorter where that does not fit, and no more of it than fits.
    fn running_line(&self, tick: &Tick, columns: usize) -> Line {
        let digits = numbers::digits(self.vus_max.into());
        // Minutes are always shown, whether or not it will be as long.
        let elapsed = numbers::clock(tick.elapsed, Duration::from_secs(60));
        let a_second = self.pace.a_second;
        // More decimals would only flicker.
        let decimals = if a_second < 100.0 { 1 } else { 0 };
        let parts = |iterations: String| {
            let mut all = vec![
                format!("running ({elapsed})"),
                format!("{:0digits$}/{} VUs", tick.vus, self.vus_max),
                iterations,
            ];
            if tick.dropped > 0 {
                all.push(format!("{} dropped", tick.dropped));
            }
            let requests = counted(tick.requests, "request");
            all.push(format!("{requests} ({a_second:.decimals$}/s)"));
            all
        };
        let (complete, interrupted) = (tick.iterations, tick.interrupted);
        let full = parts(format!("{complete} complete and {interrupted} interrupted iterations"));
        let full = full.join(", ");
        if full.len() <= columns {
            return Line::new().plain(full);
        }
        let mut text = String::new();
        for part in parts(counted(complete, "iteration")) {
            let before = if text.is_empty() { "" } else { ", " };
            if text.len() + before.len() + part.len() > columns {
                break;
            }
            text.push_str(before);
            text.push_str(&part);
        }
        Line::new().plain(text)
    }

    /// Leaves the last state of the progress on the screen.
    fn leave_progress(&mut self) {
        self.screen.show(Vec::new());
        let (Some(plan), Some(tick)) = (&self.plan, &self.tick) else { return };
        let live = self.screen.manner().live;
        let columns = live.then(|| self.screen.size().0);
        let all: Vec<usize> = (0..tick.scenarios.len()).collect();
        let mut lines = Vec::new();
        if live || self.pace.elapsed != tick.elapsed {
            self.pace = Pace::default();
            self.pace.take(tick);
            lines = vec![Line::new(), self.running_line(tick, usize::MAX)];
        }
        lines.extend(bars::lines(plan, &self.scenarios_max, tick, &all, columns));
        self.screen.lines(lines);
    }

    fn scenario_line(&self, event: &Event, scenario: usize, what: &str) {
        let Some(plan) = &self.plan else { return };
        // Where there is one, it begins and ends with the load.
        if self.screen.manner().live || plan.scenarios.len() < 2 {
            return;
        }
        if let Some(scenario) = plan.scenarios.get(scenario) {
            let elapsed = numbers::clock(event.elapsed, Duration::from_secs(60));
            let text = format!("scenario {} {what} ({elapsed})", scenario.name);
            self.screen.lines(vec![Line::new().plain(text)]);
        }
    }

    /// Says whether a load held, and if not, why.
    fn say_step(&self, scenario: usize, step: &Step) {
        let unit = match self.plan.as_ref().map(|plan| &plan.scenarios[scenario].schedule) {
            Some(Schedule::Search(search)) => search.raise.unit(),
            _ => return,
        };
        let load = format!("{} {unit}", step.load);
        let line = match step.held {
            true => Line::new().styled(GOOD, "✓ ").plain(format!("{load} held")),
            false => Line::new().styled(BAD, "✗ ").plain(format!("{load} did not hold: ")),
        };
        let broken = step.verdicts.iter().filter(|verdict| !verdict.is_fine);
        let said = |verdict: &Verdict| match verdict.outcome {
            Outcome::NoData => format!("no samples of {}", verdict.selector),
            _ => format!("{} {}", verdict.selector, verdict.source),
        };
        let mut why: Vec<_> = broken.map(said).collect();
        if !step.kept_up {
            why.push(format!("only {}/s of them ended", numbers::estimate(step.iterations)));
        }
        if !step.held && step.dropped > 0.0 {
            why.push(format!("{} found no VU free", numbers::percent(step.dropped)));
        }
        self.screen.lines(vec![line.plain(why.join(", "))]);
    }

    fn say_stop(&self, reason: &StopReason) {
        let then = match reason {
            StopReason::Interrupted => {
                "iterations that are running may finish; interrupt again to cut them off"
            }
            StopReason::Exhausted(_) | StopReason::ThresholdCrossed(_) => {
                "iterations that are running may finish"
            }
            StopReason::Aborted(_) | StopReason::CutOff => {
                "iterations that are running are cut off"
            }
        };
        let severity = match reason {
            StopReason::Exhausted(_) => Severity::Info,
            _ => Severity::Warning,
        };
        self.screen.message(severity, &format!("stopping: {reason}\n{then}"));
    }

    fn say_end(&self, finished: &Finished) {
        for unmade in &finished.unmade {
            let vus = counted(unmade.count.into(), "VU");
            self.screen
                .message(Severity::Error, &format!("failed to make {vus}: {}", unmade.reason));
        }
        for fault in &finished.faults {
            self.screen.message(Severity::Error, &format!("fault of the engine: {fault}"));
        }
    }
}

impl Output for Terminal {
    fn on_event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { plan, .. } => self.start(plan),
            EventKind::VusMade { made, unmade, total } => {
                self.phase = Phase::MakingVus { made: made.saturating_add(*unmade), total: *total };
                self.draw();
            }
            EventKind::SetupStarted => {
                self.phase = Phase::Setup;
                self.draw();
            }
            EventKind::SetupFailed { error, .. } => {
                self.screen.message(Severity::Error, &format!("failed to run setup: {error}"));
            }
            EventKind::SetupFinished { .. } => {
                self.phase = Phase::Idle;
                self.draw();
            }
            EventKind::LoadStarted => {
                self.phase = Phase::Load;
                self.draw();
            }
            EventKind::ScenarioStarted { scenario } => {
                self.scenario_line(event, *scenario, "started");
            }
            EventKind::ScenarioFinished { scenario } => {
                self.scenario_line(event, *scenario, "finished");
            }
            EventKind::StepFinished { scenario, step } => self.say_step(*scenario, step),
            EventKind::Tick(tick) => self.tick(tick),
            EventKind::Measured(measured) => {
                self.recent.take(&measured.time, &measured.collected);
            }
            EventKind::IterationFailed { scenario, vu, kind, message } => {
                let what = match kind {
                    FailureKind::Failed => "iteration failed",
                    FailureKind::StartFailed => "VU failed to start",
                    FailureKind::TimedOut => "iteration timed out",
                    FailureKind::Trapped => "iteration trapped",
                    FailureKind::Panicked => "iteration met a fault of the engine",
                };
                let text = format!("{what} in scenario {scenario} (VU {vu}): {message}");
                self.screen.message(Severity::Error, &text);
            }
            EventKind::ScenarioGivenUp { verdict, .. } => {
                self.screen.message(Severity::Error, &verdict.to_string());
            }
            EventKind::StopRequested { reason } => self.say_stop(reason),
            EventKind::LoadFinished => {
                self.phase = Phase::Idle;
                self.leave_progress();
            }
            EventKind::TeardownStarted => {
                self.phase = Phase::Teardown;
                self.draw();
            }
            EventKind::TeardownFinished { error, .. } => {
                self.phase = Phase::Idle;
                if let Some(error) = error {
                    self.screen
                        .message(Severity::Error, &format!("failed to run teardown: {error}"));
                }
            }
            EventKind::RunFinished(finished) => {
                self.screen.show(Vec::new());
                self.say_end(finished);
                // What follows is written by others, to what may be the same terminal.
                self.screen.flush();
            }
        }
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.screen.show(Vec::new());
        self.screen.flush();
        Ok(())
    }
}

/// Says which thresholds are crossed as things stand, if any.
fn crossed_line(tick: &Tick) -> Option<Line> {
    let crossed: Vec<_> = tick
        .verdicts
        .iter()
        .filter(|verdict| verdict.outcome == Outcome::Crossed)
        .map(|verdict| format!("{} {}", verdict.selector, verdict.source))
        .collect();
    if crossed.is_empty() {
        return None;
    }
    let (count, all) = (crossed.len(), tick.verdicts.len());
    let text = format!("✗ {count} of {all} thresholds crossed so far: {}", crossed.join(", "));
    Some(Line::new().styled(BAD, text))
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

#[cfg(test)]
pub(crate) mod tests;
