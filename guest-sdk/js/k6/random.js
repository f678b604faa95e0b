// Numbers that a seed stands for.

/** Draws numbers from 0, and less than 1: mulberry32, by Tommy Ettinger. */
export function draw(seed) {
    let state = (seed ^ (seed / 0x1_0000_0000)) >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = state;
        mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
    };
}
