// `k6/timers`: what is there without an import, too.

import './globals.js';
import { clearTimer, setInterval, setTimeout } from '../runtime/loop.js';

export { setInterval, setTimeout };
export const clearInterval = clearTimer;
export const clearTimeout = clearTimer;

export default { clearInterval, clearTimeout, setInterval, setTimeout };
