//! What a plan comes to, told before anything runs: sentences, numbers over time, totals.
//!
//! An [`Outline`] is for people who want to know what they are about to start. It is data: `output` draws
//! it, and nothing here knows how wide a terminal is beyond the number of parts that the time is to be
//! cut into. It is made from what every executor has in common ([`Schedule`], its demand, its
//! [`Pacer`]), so an executor that is added is outlined without a word here.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::problems::shown;
use crate::{
    Budget, Flows, Growth, Isolation, Length, Life, OnBusy, Pacer, Plan, Preset, Raise,
    ScenarioPlan, Schedule, Search, ThinkTime, VuStep,
};

/// How much of an endless load is shown behind the last change that is known. Arbitrary.
const ENDLESS: Duration = Duration::from_mins(1);

/// What a plan comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// The time that every [`Series`] of it covers, from the start of the load: all of it, graceful
    /// stop included, or a beginning of it where it has no end.
    pub length: Duration,
    /// Each scenario, in the plan's order.
    pub scenarios: Vec<ScenarioOutline>,
    /// The preset that the only scenario comes of, if it does.
    pub preset: Option<Preset>,
    /// What they come to together.
    pub totals: Totals,
}

/// What a scenario comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioOutline {
    /// Its name.
    pub name: String,
    /// The name of its executor, such as `constant-vus`.
    pub executor: &'static str,
    /// What it does, and when, each a sentence of plain English.
    pub sentences: Vec<String>,
    /// The VUs that start its iterations, over time, and those that there may be beside them.
    pub vus: Series,
    /// At what rate iterations are due, over time, where they are due whether or not others have ended.
    pub arrivals: Option<Series>,
}

/// A quantity over the time of an [`Outline`], which is cut into parts of equal length.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// In what it is counted: `VUs`, `iterations/s`, `iterations/min` or `iterations/h`.
    pub unit: &'static str,
    /// The most there is in each part, so that nothing is lost however short it is.
    pub values: Vec<f64>,
    /// The most there may be in each part; nowhere less than there is.
    pub at_most: Vec<f64>,
    /// What there may be beyond what there is: `finishing`, `as needed`, `as asked for` or
    /// `as long as they hold`.
    pub beyond: &'static str,
}

/// What all scenarios come to together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// How many iterations there are.
    pub iterations: Iterations,
    /// The most VUs at one time.
    pub max_vus: u32,
    /// How long the load takes at the longest, graceful stop included; `None` if it has no end.
    pub max_duration: Option<Duration>,
}

/// How many iterations a plan has, as far as that is known before the run.
///
/// All that is due counts, whatever the target does with it: an iteration for which no VU is free is
/// dropped, and was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iterations {
    /// How many; `None` where there are as many as fit the time: the quicker the target, the more. The sum
    /// of whatever numbers of 64 bits fits.
    pub count: Option<u128>,
    /// Whether it may be fewer, because time may run out before.
    pub at_most: bool,
    /// Whether it is only what is expected, because chance decides.
    pub about: bool,
}

impl Iterations {
    /// None at all.
    const NONE: Self = Self { count: Some(0), at_most: false, about: false };

    /// Returns those of both.
    fn and(self, other: Self) -> Self {
        Self {
            count: self.count.zip(other.count).map(|(a, b)| a.saturating_add(b)),
            at_most: self.at_most || other.at_most,
            about: self.about || other.about,
        }
    }
}

/// `exactly 600 due`, `about 600 due`, `at most 200`, `at most about 800` or `as many as the VUs manage`.
impl fmt::Display for Iterations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { count: None, .. } => f.write_str("as many as the VUs manage"),
            Self { count: Some(count), at_most, about } => match (at_most, about) {
                (false, false) => write!(f, "exactly {count} due"),
                (false, true) => write!(f, "about {count} due"),
                (true, false) => write!(f, "at most {count}"),
                (true, true) => write!(f, "at most about {count}"),
            },
        }
    }
}

impl Series {
    /// Returns the most there may be at any time.
    pub fn peak(&self) -> f64 {
        self.at_most.iter().copied().fold(0.0, f64::max)
    }

    /// Returns whether there may be more than there is, at any time.
    pub fn has_beyond(&self) -> bool {
        self.values.iter().zip(&self.at_most).any(|(value, at_most)| at_most > value)
    }
}

impl Plan {
    /// Returns what it comes to, with the time cut into so many parts.
    pub fn outline(&self, parts: NonZeroUsize) -> Outline {
        let length = self.max_duration().unwrap_or_else(|| beginning(&self.scenarios));
        let axis = Axis { length, parts };
        let each = self.scenarios.iter().map(|scenario| iterations(&scenario.schedule));
        Outline {
            length,
            scenarios: self.scenarios.iter().map(|scenario| outline(scenario, axis)).collect(),
            preset: self.preset,
            totals: Totals {
                iterations: each.fold(Iterations::NONE, Iterations::and),
                max_vus: self.max_vus(),
                max_duration: self.max_duration(),
            },
        }
    }
}

/// The part of an endless load that shows every change that is known.
fn beginning(scenarios: &[ScenarioPlan]) -> Duration {
    let ends = scenarios.iter().flat_map(|scenario| [scenario.start_time, scenario.end()]);
    let last = ends.filter(|end| *end < Duration::MAX).max();
    last.unwrap_or_default().saturating_add(ENDLESS)
}

fn outline(scenario: &ScenarioPlan, axis: Axis) -> ScenarioOutline {
    let arrivals = match &scenario.schedule {
        Schedule::Arrivals { pacer, duration, .. } => {
            Some(rates(pacer.as_ref(), scenario.start_time, *duration, axis))
        }
        Schedule::Looping { .. }
        | Schedule::Controlled { .. }
        | Schedule::Iterations { .. }
        | Schedule::Search(_) => None,
    };
    let mut sentences = what(scenario);
    sentences.extend(between_iterations(&scenario.life));
    sentences.push(when(scenario));
    ScenarioOutline {
        name: scenario.name.clone(),
        executor: scenario.executor.kind(),
        sentences,
        vus: vus(scenario, axis),
        arrivals,
    }
}

fn iterations(schedule: &Schedule) -> Iterations {
    match schedule {
        Schedule::Arrivals { pacer, duration, .. } => {
            let count = match pacer.seed() {
                // The number that this seed gives costs as many steps as it is; what it is about, none.
                Some(_) => pacer.total().round() as u128,
                None => due_within(pacer.as_ref(), *duration).into(),
            };
            Iterations { count: Some(count), at_most: false, about: pacer.seed().is_some() }
        }
        Schedule::Looping { .. } | Schedule::Controlled { .. } | Schedule::Iterations { .. } => {
            let count = schedule.iterations().map(u128::from);
            Iterations { count, at_most: true, about: false }
        }
        Schedule::Search(search) => {
            let each_step = f64::from(search.max) * search.step.as_secs_f64();
            let count = (each_step.ceil() as u128).saturating_mul(search.max_steps().into());
            let count = (search.raise != Raise::Vus).then_some(count);
            Iterations { count, at_most: true, about: false }
        }
    }
}

/// How many iterations are due before `duration` is over. Asks for some hundred of them, however many
/// there are: `due` never decreases.
fn due_within(pacer: &dyn Pacer, duration: Duration) -> u64 {
    let is_due = |n: u64| pacer.due(n).is_some_and(|due| due < duration);
    let mut beyond = 1_u64;
    while is_due(beyond - 1) {
        if beyond == u64::MAX {
            return beyond;
        }
        beyond = beyond.saturating_mul(2);
    }
    // All before `least` are due, and `most` is not.
    let (mut least, mut most) = (beyond / 2, beyond - 1);
    while least < most {
        let middle = least + (most - least) / 2;
        if is_due(middle) {
            least = middle + 1;
        } else {
            most = middle;
        }
    }
    least
}

/// What runs, and on whom.
fn what(scenario: &ScenarioPlan) -> Vec<String> {
    let flow = flow(&scenario.flows);
    match &scenario.schedule {
        Schedule::Looping { steps, graceful_ramp_down } => {
            looping(steps, *graceful_ramp_down, &flow)
        }
        Schedule::Controlled { vus, max_vus, .. } => vec![
            loops(*vus, *vus, *max_vus, &flow),
            format!(
                "Any number up to {max_vus} can be set through the control API (`--address`) while it runs."
            ),
        ],
        Schedule::Iterations { vus, budget: Budget::PerVu(each), .. } => {
            let iterations = counted(*each, "iteration");
            vec![match vus.get() {
                1 => format!("1 VU runs {iterations} of {flow}."),
                vus => format!("Each of {vus} VUs runs {iterations} of {flow}."),
            }]
        }
        Schedule::Iterations { vus, budget: Budget::Shared(all), .. } => {
            let iterations = counted(*all, "iteration");
            vec![match vus.get() {
                1 => format!("1 VU runs {iterations} of {flow}."),
                vus => format!(
                    "{vus} VUs share {iterations} of {flow}: whichever is free runs the next."
                ),
            }]
        }
        Schedule::Arrivals { pacer, pre_allocated_vus, max_vus, duration, on_busy } => vec![
            due(pacer.as_ref(), *duration, iterations(&scenario.schedule), &flow),
            taken((*pre_allocated_vus, *max_vus), *on_busy),
        ],
        Schedule::Search(search) => searching(search, &flow),
    }
}

/// What a search tries, and on whom.
fn searching(search: &Search, flow: &str) -> Vec<String> {
    let Search { start, max, tolerance, step, .. } = *search;
    let by = match search.growth {
        Growth::Linear(by) => format!("by {by}"),
        Growth::Geometric(factor) => format!("by a factor of {}", two_decimals(factor)),
    };
    let raised = match search.raise {
        Raise::Vus => format!(
            "The number of VUs that run {flow}, each one iteration after the other, is raised from \
             {start} to {max} at most"
        ),
        Raise::Rate { .. } => format!(
            "The rate at which iterations of {flow} are due is raised from {start} to {max} \
             iterations/s at most"
        ),
    };
    let mut sentences = vec![
        format!(
            "{raised}, {by} every {}, until a threshold does not hold for a step.",
            Length::from(step)
        ),
        format!(
            "What lies between the last two steps is then halved until the highest load that holds is \
             known to {}%: {} at most.",
            two_decimals(tolerance * 100.0),
            counted(search.max_steps().into(), "step")
        ),
    ];
    if let Raise::Rate { pre_allocated_vus, max_vus } = search.raise {
        sentences.push(taken((pre_allocated_vus, max_vus), OnBusy::Drop));
    }
    sentences
}

/// What each VU of a closed model does, of which there are so many at the start, at least and at most.
fn loops(first: u32, least: u32, most: u32, flow: &str) -> String {
    let vus = counted(most.into(), "VU");
    let who = match least == most {
        true => vus,
        false => format!("Up to {vus} ({first} at the start)"),
    };
    let (run, each) = if most == 1 { ("runs", "") } else { ("run", "each ") };
    format!("{who} {run} {flow}, {each}one iteration after the other.")
}

fn looping(steps: &[VuStep], graceful_ramp_down: Duration, flow: &str) -> Vec<String> {
    // The last is the end.
    let counts = steps.split_last().map_or(steps, |(_, before)| before);
    let counts = || counts.iter().map(|step| step.vus);
    let (first, least) = (counts().next().unwrap_or(0), counts().min().unwrap_or(0));
    let most = counts().max().unwrap_or(0);
    let mut sentences = vec![loops(first, least, most, flow)];
    if counts().zip(counts().skip(1)).any(|(before, after)| after < before) {
        sentences.push(match graceful_ramp_down {
            Duration::ZERO => "The iteration of a VU that has to go is cut off.".to_owned(),
            grace => format!("A VU that has to go has {} to finish.", Length::from(grace)),
        });
    }
    sentences
}

/// The flows that run, those of several with the share of each.
fn flow(flows: &Flows) -> String {
    let each: Vec<_> = match flows.names() {
        [one] => return format!("the flow `{}`", shown(one)),
        _ => flows
            .shares()
            .map(|(name, share)| format!("`{}` ({}%)", shown(name), two_decimals(share * 100.0)))
            .collect(),
    };
    match each.split_last() {
        Some((last, before)) => format!("the flows {} and {last}", before.join(", ")),
        None => "no flow".to_owned(),
    }
}

/// How many iterations are due, and how they come.
fn due(pacer: &dyn Pacer, duration: Duration, all: Iterations, flow: &str) -> String {
    let (least, most) = extremes(pacer, &pacer.corners(), Duration::ZERO, duration);
    let unit = Unit::of(most);
    let rate = match (unit.number(least), unit.number(most)) {
        (least, most) if least == most => most,
        (least, most) => format!("{least} to {most}"),
    };
    let (rate, count) = (format!("{rate} {}", unit.name()), all.count.unwrap_or_default());
    match pacer.seed() {
        None => format!(
            "{rate} of {flow} are due, {count} in all, whether or not earlier ones have ended."
        ),
        Some(seed) => format!(
            "{rate} of {flow} are due on average, about {count} in all, whether or not earlier ones have \
             ended: each at a moment of chance (Poisson), the same in every run with the seed {seed}."
        ),
    }
}

/// Whom an iteration that is due finds.
fn taken((made, most): (u32, u32), on_busy: OnBusy) -> String {
    let vus = match most {
        1 => "the only VU; if that is busy,".to_owned(),
        _ if made == most => format!("one of {most} VUs; if none is free,"),
        _ => format!("a VU, of {made} to begin with and {most} at most; if none is free,"),
    };
    match on_busy {
        OnBusy::Drop => format!("Each takes {vus} it is dropped."),
        OnBusy::Queue { most } => {
            format!("Each takes {vus} it waits, and is dropped where {most} wait already.")
        }
    }
}

/// What a VU does around its iterations, where that is more than nothing.
fn between_iterations(life: &Life) -> Vec<String> {
    let length = |length: Duration| Length::from(length).to_string();
    let waits = life.think_time.map(|think_time| {
        let time = match think_time {
            ThinkTime::Constant(time) => length(time),
            ThinkTime::Between(least, most) => format!("{} to {}", length(least), length(most)),
            ThinkTime::Normal(mean, deviation) => {
                format!("{} ± {} (normal)", length(mean), length(deviation))
            }
            ThinkTime::Exponential(mean) => format!("{} on average (exponential)", length(mean)),
        };
        format!("After each, a VU waits {time}.")
    });
    let pace = (!life.pace.is_zero())
        .then(|| format!("A VU starts at most one in {}.", Length::from(life.pace)));
    let timeout = life
        .iteration_timeout
        .map(|timeout| format!("One that takes longer than {} is cut off.", Length::from(timeout)));
    let isolation = (life.isolation == Isolation::Iteration)
        .then(|| "Each has a fresh instance of the script.".to_owned());
    [waits, pace, timeout, isolation].into_iter().flatten().collect()
}

/// When it starts and ends, in a sentence. All times are those of the load, as on a chart.
fn when(scenario: &ScenarioPlan) -> String {
    let start = Length::from(scenario.start_time);
    let end = scenario.start_time.saturating_add(scenario.schedule.duration());
    let until = match (scenario.schedule.iterations(), end) {
        (_, Duration::MAX) => " and goes on until somebody stops it; iterations".to_owned(),
        (Some(_), end) => {
            let end = Length::from(end);
            format!(" and ends with its last iteration; none starts after {end}, and those")
        }
        (None, end) => format!("; no iteration starts after {}, and those", Length::from(end)),
    };
    let then = match scenario.graceful_stop {
        Duration::ZERO => "are cut off".to_owned(),
        grace => format!("have {} to finish", Length::from(grace)),
    };
    format!("It starts at {start}{until} still running then {then}.")
}

fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A number to two decimals at most; what is there at all is not said to be nothing.
fn two_decimals(number: f64) -> String {
    if number > 0.0 && number < 0.005 {
        return "less than 0.01".to_owned();
    }
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Time in parts.
#[derive(Clone, Copy)]
struct Axis {
    length: Duration,
    parts: NonZeroUsize,
}

impl Axis {
    /// When part `n` begins, to the nanosecond; that after the last is the end.
    fn start(self, n: usize) -> Duration {
        // Neither factor fills its half of 128 bits: a plan is shorter than 10¹⁹ seconds.
        let (n, parts) = (n as u128, self.parts.get() as u128);
        let nanoseconds = self.length.as_nanos().saturating_mul(n) / parts;
        let seconds = u64::try_from(nanoseconds / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, (nanoseconds % 1_000_000_000) as u32)
    }

    /// The value of each part, from its start and its end.
    fn values(self, value: impl Fn(Duration, Duration) -> f64) -> Vec<f64> {
        (0..self.parts.get()).map(|n| value(self.start(n), self.start(n + 1))).collect()
    }

    /// The most VUs in each part, of steps counted from `start`.
    fn most(self, mut steps: Vec<VuStep>, start: Duration) -> Vec<f64> {
        for step in &mut steps {
            step.at = step.at.saturating_add(start);
        }
        self.values(|from, to| most_within(&steps, from, to).into())
    }
}

/// The VUs of a scenario in each part.
fn vus(scenario: &ScenarioPlan, axis: Axis) -> Series {
    let until_the_end = |vus| {
        let end = VuStep { at: scenario.schedule.duration(), vus: 0 };
        vec![VuStep { at: Duration::ZERO, vus }, end]
    };
    let finishing = "finishing";
    let (steps, beyond) = match &scenario.schedule {
        Schedule::Looping { steps, .. } => (steps.clone(), finishing),
        Schedule::Iterations { vus, .. } => (until_the_end(vus.get()), finishing),
        Schedule::Controlled { vus, max_vus, .. } => {
            (until_the_end(*vus), if vus < max_vus { "as asked for" } else { finishing })
        }
        Schedule::Arrivals { pre_allocated_vus: made, max_vus, .. } => {
            (until_the_end(*made), if made < max_vus { "as needed" } else { finishing })
        }
        Schedule::Search(search) => match search.raise {
            Raise::Vus => (until_the_end(search.start), "as long as they hold"),
            Raise::Rate { pre_allocated_vus, .. } => {
                (until_the_end(pre_allocated_vus), "as needed")
            }
        },
    };
    let values = axis.most(steps, scenario.start_time);
    let mut at_most = axis.most(scenario.demand(), scenario.start_time);
    for (at_most, value) in at_most.iter_mut().zip(&values) {
        *at_most = at_most.max(*value);
    }
    Series { unit: "VUs", values, at_most, beyond }
}

/// The most VUs in `from..to`, of steps in the order of their times.
fn most_within(steps: &[VuStep], from: Duration, to: Duration) -> u32 {
    let begun = steps.partition_point(|step| step.at <= from);
    let ended = steps.partition_point(|step| step.at < to).max(begun);
    let met = &steps[begun.saturating_sub(1)..ended];
    met.iter().map(|step| step.vus).max().unwrap_or(0)
}

/// The highest rate that iterations are due at in each part.
fn rates(pacer: &dyn Pacer, start: Duration, duration: Duration, axis: Axis) -> Series {
    let (corners, end) = (pacer.corners(), start.saturating_add(duration));
    let per_second = axis.values(|from, to| {
        // As the scenario counts: a part may be longer than all of it.
        let (from, to) = (from.max(start), to.min(end));
        if from < to { extremes(pacer, &corners, from - start, to - start).1 } else { 0.0 }
    });
    let unit = Unit::of(per_second.iter().copied().fold(0.0, f64::max));
    let values: Vec<_> = per_second.into_iter().map(|rate| rate * unit.seconds()).collect();
    Series { unit: unit.name(), at_most: values.clone(), values, beyond: "" }
}

/// The lowest and the highest rate met in `from..to`, which is not empty: those of its ends and on both
/// sides of each corner in it, as between them the rate is a straight line.
fn extremes(pacer: &dyn Pacer, corners: &[Duration], from: Duration, to: Duration) -> (f64, f64) {
    let before = |moment: Duration| moment.saturating_sub(Duration::from_nanos(1));
    let first = corners.partition_point(|corner| *corner <= from);
    let within = corners[first..].iter().take_while(|corner| **corner < to);
    let moments = [from, before(to)].into_iter();
    let moments = moments.chain(within.flat_map(|corner| [before(*corner), *corner]));
    let rates = moments.map(|moment| pacer.rate(moment));
    rates.fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)))
}

/// The time for which a rate is said, so that its number is not too small to read.
#[derive(Clone, Copy)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    /// The shortest in which there is one iteration at least; `per_second` is the highest rate.
    fn of(per_second: f64) -> Self {
        // Nothing at all is nothing a second.
        match per_second {
            rate if rate >= 1.0 || rate <= 0.0 => Self::Second,
            rate if rate * 60.0 >= 1.0 => Self::Minute,
            _ => Self::Hour,
        }
    }

    fn seconds(self) -> f64 {
        match self {
            Self::Second => 1.0,
            Self::Minute => 60.0,
            Self::Hour => 3_600.0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Second => "iterations/s",
            Self::Minute => "iterations/min",
            Self::Hour => "iterations/h",
        }
    }

    /// A rate per second, in this unit, to two decimals at most.
    fn number(self, per_second: f64) -> String {
        two_decimals(per_second * self.seconds())
    }
}

#[cfg(test)]
mod tests;
