//! A case, all generators that take part in it, and what came of it.

use serde::Serialize;

use crate::case::Case;
use crate::spread::Spread;
use crate::table::thousands;
use crate::turn::Turn;

/// One case and whoever takes part.
#[derive(Debug, Serialize)]
pub struct Contest {
    /// The case.
    pub case: Case,
    /// The name of the generator that `ratio` is to.
    pub yardstick: &'static str,
    /// Those that take part, in the order of their turns.
    pub contenders: Vec<Contender>,
    /// Those that are there and cannot do it.
    pub cannot: Vec<Cannot>,
}

/// A generator and its turns.
#[derive(Debug, Default, Serialize)]
pub struct Contender {
    /// What people call it.
    pub name: &'static str,
    /// Its version, as it tells it.
    pub version: String,
    /// Its turns, in order.
    pub turns: Vec<Measured>,
    /// Why there are no more turns of it, if one failed.
    pub broken: Option<String>,
    /// CPU time of a request.
    pub microseconds_per_request: Option<Spread>,
    /// That over the yardstick's.
    pub ratio: Option<Spread>,
    /// Requests a second; it has one core.
    pub requests_per_second: Option<Spread>,
    /// The share of its core that it used, from its start to its end.
    pub busy: Option<Spread>,
    /// The most memory that was resident.
    pub most_resident_bytes: Option<Spread>,
    /// How long 99 of 100 requests took at most, as it says.
    pub p99_milliseconds: Option<Spread>,
    /// The same as the target noted it of one request in a hundred.
    pub target_p99_milliseconds: Option<Spread>,
}

/// A turn, and what the target said of it.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// What the generator's turn was.
    #[serde(flatten)]
    pub turn: Turn,
    /// How long 99 of 100 requests took at most, as the target noted it; nothing if it does not.
    pub target_p99_milliseconds: Option<f64>,
}

/// A generator that cannot do a case.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cannot {
    /// What people call it.
    pub name: &'static str,
    /// Why not.
    pub why: &'static str,
}

impl Contest {
    /// Works out the spreads from the turns.
    pub fn settle(&mut self) {
        let yardstick = self.contenders.iter().find(|each| each.name == self.yardstick);
        let yardstick: Vec<f64> = yardstick
            .map(|each| each.turns.iter().map(|of| of.turn.microseconds_per_request).collect())
            .unwrap_or_default();
        for each in &mut self.contenders {
            let turns = || each.turns.iter().map(|of| &of.turn);
            let cost = turns().map(|turn| turn.microseconds_per_request);
            // Round by round: what disturbs a round disturbs both.
            let ratio = cost.clone().zip(&yardstick).map(|(own, yardstick)| own / yardstick);
            let spreads = (
                Spread::of(cost),
                Spread::of(ratio),
                Spread::of(turns().map(|turn| turn.requests_per_second)),
                Spread::of(turns().map(|turn| turn.busy)),
                Spread::of(turns().map(|turn| turn.most_resident_bytes as f64)),
                Spread::of(turns().filter_map(|turn| turn.p99_milliseconds)),
                Spread::of(each.turns.iter().filter_map(|of| of.target_p99_milliseconds)),
            );
            (
                each.microseconds_per_request,
                each.ratio,
                each.requests_per_second,
                each.busy,
                each.most_resident_bytes,
                each.p99_milliseconds,
                each.target_p99_milliseconds,
            ) = spreads;
        }
    }

    /// The rows of the table: the case, then a generator each.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![vec![format!("{}, × {}", self.case.name(), self.yardstick)]];
        rows.extend(self.contenders.iter().map(Contender::row));
        rows.extend(self.cannot.iter().map(|each| vec![format!("  {}", each.name)]));
        rows
    }
}

/// The heads of the columns.
pub const HEAD: [&str; 13] = [
    "",
    "µs/request",
    "min",
    "max",
    "×",
    "min",
    "max",
    "requests/s",
    "busy",
    "MiB",
    "p99 ms",
    "target's",
    "failed",
];

impl Contender {
    fn row(&self) -> Vec<String> {
        let mut row = vec![format!("  {}", self.name)];
        if self.turns.is_empty() {
            row.push("broken".to_owned());
            return row;
        }
        let all = |spread: Option<Spread>| match spread {
            Some(Spread { min, median, max }) => [median, min, max].map(|of| format!("{of:.2}")),
            None => ["-"; 3].map(ToOwned::to_owned),
        };
        let middle = |spread: Option<Spread>, text: fn(f64) -> String| {
            spread.map_or_else(|| "-".to_owned(), |spread| text(spread.median))
        };
        row.extend(all(self.microseconds_per_request));
        row.extend(all(self.ratio));
        row.push(middle(self.requests_per_second, |rate| thousands(rate as u64)));
        row.push(middle(self.busy, |busy| format!("{busy:.2}")));
        row.push(middle(self.most_resident_bytes, |bytes| {
            format!("{:.1}", bytes / f64::from(1 << 20))
        }));
        row.push(middle(self.p99_milliseconds, |time| format!("{time:.2}")));
        // Its clock is one of milliseconds.
        row.push(middle(self.target_p99_milliseconds, |time| match time < 1.0 {
            true => "<1".to_owned(),
            false => format!("{time:.0}"),
        }));
        row.push(thousands(self.turns.iter().map(|of| of.turn.failed).sum()));
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(name: &'static str, costs: &[f64]) -> Contender {
        let turn = |&cost: &f64| Measured {
            turn: Turn {
                requests: 1_000,
                failed: 1,
                requests_per_second: 50_000.0,
                user_microseconds: cost * 500.0,
                system_microseconds: cost * 500.0,
                busy: 0.5,
                microseconds_per_request: cost,
                most_resident_bytes: 3 << 20,
                p99_milliseconds: None,
            },
            target_p99_milliseconds: Some(0.0),
        };
        let turns = costs.iter().map(turn).collect();
        Contender { name, turns, ..Contender::default() }
    }

    fn contest() -> Contest {
        let mut contest = Contest {
            case: Case::Get,
            yardstick: "wrk",
            contenders: vec![
                contender("wrk", &[10.0, 20.0, 10.0]),
                contender("oha", &[15.0, 20.0]),
                contender("hey", &[]),
            ],
            cannot: vec![Cannot { name: "ab", why: "it is here for the test" }],
        };
        contest.settle();
        contest
    }

    #[test]
    fn ratios_are_of_turns_of_the_same_round() {
        let contest = contest();
        let ratio = contest.contenders[1].ratio;
        assert_eq!(ratio, Some(Spread { min: 1.0, median: 1.25, max: 1.5 }));
        assert_eq!(contest.contenders[2].ratio, None);
    }

    #[test]
    fn each_generator_has_a_row_and_who_cannot_an_empty_one() {
        let rows = contest().rows();
        assert_eq!(rows[0], ["get, × wrk"]);
        let expected = [
            "  wrk", "10.00", "10.00", "20.00", "1.00", "1.00", "1.00", "50,000", "0.50", "3.0",
            "-", "<1", "3",
        ];
        assert_eq!(rows[1], expected);
        assert_eq!(rows[1].len(), HEAD.len());
        assert_eq!(rows[3], ["  hey", "broken"]);
        assert_eq!(rows[4], ["  ab"]);
    }
}
