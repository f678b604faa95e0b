//! Users who log in once, then browse and buy: setup, state between iterations, JSON, metrics, thresholds.

use serde::Deserialize;
use wasmload_sdk::prelude::*;

script!(for Shopper);

/// One user: what it remembers between its iterations.
struct Shopper {
    token: String,
    basket: Trend,
}

#[derive(Deserialize)]
struct Catalogue {
    products: Vec<Product>,
}

#[derive(Deserialize)]
struct Product {
    id: u32,
}

impl Script for Shopper {
    const FLOWS: &'static [&'static str] = &["default"];
    const OPTIONS: &'static str = r#"{
        "vus": 20,
        "duration": "10s",
        "thresholds": {
            "http_req_failed": ["rate<0.01"],
            "http_req_duration": ["p(95)<500"],
            "checks": ["rate>0.99"]
        }
    }"#;

    /// Runs once, before any user: is there a shop at all?
    fn setup() -> Result<Vec<u8>> {
        http::get(&base_url("/health"))?.expect_status(200)?;
        Ok(Vec::new())
    }

    /// Runs once a user: logging in is not part of what is measured as an iteration.
    fn start(_data: &[u8]) -> Result<Self> {
        let user = format!("user{}", context::vu());
        let login = Request::post(&base_url("/login"))
            .json(&json!({ "user": user, "password": "pass" }))
            .send()?
            .expect_status(200)?;
        let token = login.pointer_str("/token").ok_or("the login gave no token")?;
        Ok(Self { token, basket: Trend::new("basket_size") })
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        let catalogue = http::get(&base_url("/catalogue"))?;
        check("catalogue is up", catalogue.status() == 200);
        let products = catalogue.json::<Catalogue>()?.products;

        let chosen = products.iter().skip(context::iteration() as usize % 7).step_by(5);
        let mut basket = 0;
        for Product { id } in chosen {
            // One name for all products, so that each does not become a row of its own.
            let page = Request::get(&base_url(&format!("/products/{id}")))
                .name("/products/{id}")
                .send()?;
            check("product is there", page.status() == 200);

            let put = Request::post(&base_url("/cart"))
                .bearer(&self.token)
                .json(&json!({ "product": id, "quantity": 1 }))
                .send()?;
            basket += u32::from(check("product is in the cart", put.status() == 201));
            sleep(Duration::from_millis(50));
        }
        self.basket.add(f64::from(basket));

        let order = Request::post(&base_url("/checkout")).bearer(&self.token).send()?;
        check("order is taken", order.status() == 201);
        sleep(Duration::from_millis(200));
        Ok(())
    }
}
