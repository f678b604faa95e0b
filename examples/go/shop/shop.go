// Users who log in once, then browse and buy: setup, state between iterations, JSON, groups, metrics, thresholds.
package main

import (
	"fmt"
	"time"

	"wasmload"
)

func init() {
	wasmload.Register(wasmload.Script{
		Options: `{
			"vus": 20,
			"duration": "10s",
			"thresholds": {
				"http_req_failed": ["rate<0.01"],
				"http_req_duration": ["p(95)<500"],
				"checks": ["rate>0.99"]
			}
		}`,
		Setup:   setup,
		Start:   start,
		Iterate: iterate,
	})
}

func main() {}

var (
	// token is this user's: each has variables of its own.
	token      string
	basketSize = wasmload.NewTrend("basket_size")
)

// Runs once, before any user: is there a shop at all?
func setup() ([]byte, error) {
	health, err := wasmload.Get(wasmload.BaseURL("/health"))
	if err == nil && health.Status() != 200 {
		err = fmt.Errorf("there is no shop: %d", health.Status())
	}
	return nil, err
}

// Runs once a user: logging in is not part of what is measured as an iteration.
func start([]byte) error {
	who := map[string]string{"user": fmt.Sprintf("user%d", wasmload.VU()), "password": "pass"}
	login, err := wasmload.NewRequest("POST", wasmload.BaseURL("/login")).JSON(who).Send()
	if err != nil {
		return err
	}
	given, isGiven := login.JSONText("/token")
	if !isGiven {
		return fmt.Errorf("the login gave no token, but %d", login.Status())
	}
	token = given
	return nil
}

func iterate() error {
	catalogue, err := wasmload.Get(wasmload.BaseURL("/catalogue"))
	if err != nil {
		return err
	}
	wasmload.Check("catalogue is up", catalogue.Status() == 200)
	var products []struct {
		ID int `json:"id"`
	}
	if err := catalogue.Decode("/products", &products); err != nil {
		return err
	}

	basket := 0
	for place := wasmload.Iteration() % 7; place < len(products); place += 5 {
		isIn, err := choose(products[place].ID)
		if err != nil {
			return err
		}
		if isIn {
			basket++
		}
		wasmload.Sleep(50 * time.Millisecond)
	}
	basketSize.Add(float64(basket))
	return checkout()
}

func choose(id int) (bool, error) {
	// One name for all products, so that each does not become a row of its own.
	url := wasmload.BaseURL(fmt.Sprintf("/products/%d", id))
	product, err := wasmload.NewRequest("GET", url).Name("/products/{id}").Send()
	if err != nil {
		return false, err
	}
	wasmload.Check("product is there", product.Status() == 200)
	put, err := wasmload.NewRequest("POST", wasmload.BaseURL("/cart")).
		Bearer(token).
		JSON(map[string]int{"product": id, "quantity": 1}).
		Send()
	if err != nil {
		return false, err
	}
	return wasmload.Check("product is in the cart", put.Status() == 201), nil
}

func checkout() error {
	defer wasmload.Group("checkout")()
	order, err := wasmload.NewRequest("POST", wasmload.BaseURL("/checkout")).Bearer(token).Send()
	if err != nil {
		return err
	}
	wasmload.Check("order is taken", order.Status() == 201)
	wasmload.Sleep(200 * time.Millisecond)
	return nil
}
