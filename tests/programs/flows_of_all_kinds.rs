//! Has an honest flow, and others that are not: what one does to the other is for whoever runs both at once.

use wasmload_sdk::{prelude::*, timing};

script!(for Several);

struct Several;

impl Script for Several {
    fn start(_data: &[u8]) -> Result<Self> {
        Ok(Self)
    }

    fn iterate(&mut self, flow: &str) -> Result {
        match flow {
            "honest" => drop(http::get(&base_url("/"))?.expect_status(200)?),
            "loops" => loop {
                std::hint::black_box(());
            },
            "floods" => loop {
                std::hint::black_box(timing::now());
            },
            "computes" => {
                let began = timing::now();
                while timing::now() - began < Duration::from_millis(5) {}
                sleep(Duration::ZERO);
            }
            "eats" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(std::hint::black_box(vec![1; 1 << 20]));
                }
            }
            "breaks" => {
                let empty: Vec<u32> = Vec::new();
                assert!(!std::hint::black_box(empty).is_empty(), "it always breaks");
            }
            other => return Err(format!("no flow {other}").into()),
        }
        Ok(())
    }
}
