//! How a threshold went that is held each second, in words.

use metrics::Course;

use crate::numbers;
use crate::summary_json::document::{self as form, Number};

impl form::Course {
    /// What is written of it.
    pub(crate) fn of(course: &Course) -> Self {
        let milliseconds = |time: std::time::Duration| Number(time.as_secs_f64() * 1e3);
        Self {
            over_ms: milliseconds(course.window),
            for_ms: course.lasting.map(milliseconds),
            worst_at_ms: course.worst.map(|_| milliseconds(course.worst_at)),
            crossed_at_ms: course.crossed_at.map(milliseconds),
            longest_ms: milliseconds(course.longest),
        }
    }

    /// What stands behind the value that was observed: `at worst, in the 30s up to 2m10s; crossed at 2m3s`.
    pub(crate) fn text(&self) -> String {
        let time = |ms: Number| numbers::milliseconds(ms.0);
        let mut text = "at worst".to_owned();
        if let Some(end) = self.worst_at_ms {
            text.push_str(&match self.over_ms.0 > 1e3 {
                true => format!(", in the {} up to {}", time(self.over_ms), time(end)),
                false => format!(", at {}", time(end)),
            });
        }
        if self.for_ms.is_some() && self.longest_ms.0 > 0.0 {
            text.push_str(&format!("; not so for {} on end at most", time(self.longest_ms)));
        }
        if let Some(at) = self.crossed_at_ms {
            text.push_str(&format!("; crossed at {}", time(at)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_course_says_how_bad_it_was_and_when() {
        let seconds = Duration::from_secs;
        let course = |window, lasting: Option<u64>, crossed_at: Option<u64>, longest| Course {
            window: seconds(window),
            lasting: lasting.map(seconds),
            worst: Some(812.0),
            worst_at: seconds(130),
            crossed_at: crossed_at.map(seconds),
            longest: seconds(longest),
        };
        for (course, text) in [
            (course(30, None, Some(123), 7), "at worst, in the 30s up to 2m10s; crossed at 2m3s"),
            (course(30, None, None, 0), "at worst, in the 30s up to 2m10s"),
            (course(1, Some(60), None, 8), "at worst, at 2m10s; not so for 8s on end at most"),
            (course(1, Some(60), None, 0), "at worst, at 2m10s"),
            (
                course(30, Some(60), Some(131), 60),
                "at worst, in the 30s up to 2m10s; not so for 1m0s on end at most; crossed at 2m11s",
            ),
        ] {
            assert_eq!(form::Course::of(&course).text(), text);
        }
    }
}
