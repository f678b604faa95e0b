//! Faults as a client meets them, on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;

fn connection(faults: &str) -> Arc<Connection> {
    let faults = faults.parse().unwrap_or_else(|error| panic!("{faults}: {error}"));
    Arc::new(Connection::new(Arc::new(Site::new(faults))))
}

/// The status of a GET, and how long it took in milliseconds.
async fn get(connection: &Connection, path: &str) -> (u16, u128) {
    let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
    let started = Instant::now();
    let answer = connection.site.answer(connection, request).await.unwrap();
    (answer.status().as_u16(), started.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn a_page_takes_as_long_as_its_latency() {
    let connection = connection("latency constant 25ms");
    for path in ["/", "/catalogue", "/products/1"] {
        assert_eq!(get(&connection, path).await, (200, 25), "{path}");
    }
    assert_eq!(get(&connection, "/cart").await, (401, 25));
}

#[tokio::test(start_paused = true)]
async fn no_fault_touches_health_aids_record_or_what_is_not_there() {
    let connection = connection("latency constant 1s; errors 100%; stall at 0s for 1h");
    for (path, status, milliseconds) in [
        ("/health", 200, 0),
        ("/status/201", 201, 0),
        ("/bytes/10", 200, 0),
        ("/echo", 200, 0),
        ("/delay/70", 200, 70),
        ("/record", 200, 0),
        ("/nowhere", 404, 0),
    ] {
        assert_eq!(get(&connection, path).await, (status, milliseconds), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_takes_as_long_as_any_answer_and_is_recorded_at_its_route() {
    let connection = connection("latency constant 5ms; errors 1");
    assert_eq!(get(&connection, "/products/7").await, (500, 5));
    assert_eq!(connection.site.record.snapshot().count("GET", "/products/{id}", 500), 1);
}

#[tokio::test(start_paused = true)]
async fn everyone_waits_until_a_stall_ends() {
    let connection = connection("stall at 10s for 1400ms");
    let started = Instant::now();
    assert_eq!(get(&connection, "/").await, (200, 0));
    tokio::time::advance(Duration::from_secs(10)).await;
    let mut waiting = JoinSet::new();
    for _ in 0..100 {
        let connection = Arc::clone(&connection);
        waiting.spawn(async move { get(&connection, "/").await.0 });
    }
    assert_eq!(waiting.join_all().await, [200; 100]);
    assert_eq!(started.elapsed(), Duration::from_millis(11_400));
}

#[tokio::test(start_paused = true)]
async fn over_its_capacity_the_shop_queues_and_over_its_queue_it_turns_away() {
    let connection = connection("capacity 2 workers 10ms queue 4");
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let connection = Arc::clone(&connection);
        all.spawn(async move { get(&connection, "/").await });
    }
    let mut ends = all.join_all().await;
    ends.sort_unstable();
    let turned_away = (503, 0);
    let served = [10, 10, 20, 20, 30, 30].map(|milliseconds| (200, milliseconds));
    assert_eq!(ends, [&served[..], &[turned_away; 2]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_client_has_gone_is_counted_and_has_no_answer() {
    let connection = connection("");
    tokio::select! {
        _ = get(&connection, "/delay/1000") => panic!("it was answered"),
        () = tokio::time::sleep(Duration::from_millis(10)) => {}
    }
    let record = connection.site.record.snapshot();
    assert_eq!((record.requests, record.unanswered), (1, 1));
}
