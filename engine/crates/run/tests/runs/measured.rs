//! What a run says each second of what was measured.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use metrics::{Sink, builtin};
use run::{Crew, Event, EventKind};
use tokio::task::LocalSet;

use super::{FnVus, count, second, spec};

/// When, how many iterations, and in how many series.
type Said = (Duration, Duration, u64, usize);

#[tokio::test(start_paused = true)]
async fn what_is_measured_each_second_is_together_what_stands_at_the_end() {
    let vus = FnVus::taking(second() / 4 * 3);
    let spec = spec(r#"{ "vus": 2, "duration": "3s" }"#, &vus, Crew::here());
    let said = Rc::new(RefCell::new(Vec::<Said>::new()));
    let heard = Rc::clone(&said);
    let local = LocalSet::new();
    let finished = local
        .run_until(run::run(spec, &mut |event: &Event| {
            if let EventKind::Measured(measured) = &event.kind {
                let iterations = match measured.collected.metric(builtin::ITERATIONS) {
                    Some(Sink::Counter(counter)) => counter.sum as u64,
                    _ => 0,
                };
                let of_iterations = measured.collected.series().filter(|(series, _)| {
                    let registry = measured.collected.registry();
                    registry.series_info(*series).0 == builtin::ITERATIONS
                });
                let time = &measured.time;
                heard.borrow_mut().push((time.start, time.end, iterations, of_iterations.count()));
            }
        }))
        .await;
    let said = said.take();
    assert!(said.windows(2).all(|two| two[0].1 == two[1].0), "none is left out: {said:?}");
    assert_eq!(said.iter().map(|said| said.2).sum::<u64>(), 8);
    assert!(said.iter().all(|said| said.3 == usize::from(said.2 > 0)), "{said:?}");
    let ended = said.iter().next_back().map(|last| (last.0, last.1));
    assert_eq!(ended, Some((finished.elapsed, finished.elapsed)), "what came after the load");

    let timeline = &finished.timeline;
    let slots: Vec<_> =
        timeline.track(builtin::ITERATIONS).iter().map(|slot| slot.sum as u64).collect();
    assert_eq!(slots.iter().sum::<u64>(), count(&finished.totals, builtin::ITERATIONS));
    assert_eq!(slots.len(), 3, "{slots:?}");
    let whole = timeline.over(builtin::ITERATION_DURATION, 0..timeline.len());
    let Some(Sink::Trend(trend)) = finished.totals.select(builtin::ITERATION_DURATION, &[]) else {
        panic!("iterations take time")
    };
    assert_eq!((whole.count, whole.sketch), (trend.count(), trend.sketch()));
    assert_eq!(timeline.track(builtin::VUS)[1].max, 2.0);
    assert_eq!(finished.most_vus, [2]);
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_takes_is_recorded_each_second() {
    let finished = super::run(r#"{ "duration": "3s" }"#, &FnVus::taking(second())).await;
    let timeline = &finished.timeline;
    assert!(timeline.track(builtin::INJECTOR_MEMORY).iter().all(|slot| slot.last == 7.0));
    assert_eq!(timeline.track(builtin::INJECTOR_CPU).len(), 3);
}
