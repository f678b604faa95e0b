// Users who log in once, then browse and buy: setup, state between iterations, JSON, metrics, thresholds.

import http, { Trend, baseUrl, check, context, sleep, type Options } from 'wasmload';

interface Catalogue {
    products: { id: number }[];
}

export const options: Options = {
    vus: 20,
    duration: '10s',
    thresholds: {
        http_req_failed: ['rate<0.01'],
        http_req_duration: ['p(95)<500'],
        checks: ['rate>0.99'],
    },
};

// What stands at the top is each user's own.
const basketSize = new Trend('basket_size');
let token: string;

/** Runs once, before any user: is there a shop at all? */
export function setup(): void {
    http.get(baseUrl('/health')).expectStatus(200);
}

/** Runs once a user: logging in is not part of what is measured as an iteration. */
export function start(): void {
    const login = http.post(baseUrl('/login'), { json: { user: `user${context.vu}`, password: 'pass' } });
    token = login.expectStatus(200).json<{ token: string }>().token;
}

export default function (): void {
    const catalogue = http.get(baseUrl('/catalogue'));
    check('catalogue is up', catalogue.status === 200);
    const { products } = catalogue.json<Catalogue>();

    let basket = 0;
    for (let place = context.iteration % 7; place < products.length; place += 5) {
        const { id } = products[place]!;
        // One name for all products, so that each does not become a row of its own.
        const page = http.get(baseUrl(`/products/${id}`), { name: '/products/{id}' });
        check('product is there', page.status === 200);

        const put = http.post(baseUrl('/cart'), { bearer: token, json: { product: id, quantity: 1 } });
        if (check('product is in the cart', put.status === 201)) basket++;
        sleep('50ms');
    }
    basketSize.add(basket);

    const order = http.post(baseUrl('/checkout'), { bearer: token });
    check('order is taken', order.status === 201);
    sleep('200ms');
}
