//! Users who ask and wait, and users who take what they can: what one kind does to the other is measured with both.

use wasmload_sdk::{prelude::*, timing};

script!(for User);

struct User;

impl Script for User {
    fn start(_data: &[u8]) -> Result<Self> {
        Ok(Self)
    }

    fn iterate(&mut self, flow: &str) -> Result {
        match flow {
            "busy" | "paced" => {
                let page = http::get(&base_url("/"))?;
                check("status is 200", page.status() == 200);
                if flow == "paced" {
                    sleep(Duration::from_millis(500));
                }
            }
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
