//! The chance that scripts get by `wasi:random`: of a run's seed, so that a run can be repeated.
//!
//! Each call into a script draws from numbers of its own: of the seed, the VU, and which of its iterations it is. So an
//! iteration draws the same numbers in a run with the same seed, whatever other VUs do and how long things take. The
//! numbers are ChaCha's of 12 rounds, the same on every machine and in every version. Whoever knows the seed knows
//! them: they are no secrets.
//!
//! What a script keeps of chance from one call to the next (a generator of its own, the keys of its hash maps) is its
//! affair.

use std::convert::Infallible;
use std::sync::Arc;

use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _, TryRng};
use parking_lot::Mutex;

use crate::scope::Group;

/// Who draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A VU: its start, its iterations, its end.
    Vu = 0,
    /// `options`, asked for before there is a seed: from 0.
    Options = 1,
    /// `setup`.
    Setup = 2,
    /// `teardown`.
    Teardown = 3,
    /// What is made of the results.
    Summary = 4,
}

/// What the chance of a VU comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed {
    /// The run's.
    pub(crate) run: u64,
    pub(crate) vu: u32,
    pub(crate) purpose: Purpose,
}

/// Which numbers of one call are drawn.
#[derive(Clone, Copy, Debug)]
enum Stream {
    Secure = 0,
    Insecure = 1,
    InsecureSeed = 2,
}

/// The chance of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    seed: Seed,
    now: Arc<Mutex<Now>>,
}

/// That of the call that runs. Generators are made when the first number is drawn.
#[derive(Debug)]
struct Now {
    group: Group,
    number: u64,
    generators: [Option<Box<ChaCha12Rng>>; 2],
}

/// One of the two generators, as WASI has it.
pub(crate) struct Numbers {
    of: Chance,
    stream: Stream,
}

impl Chance {
    /// That of an instance that is the VU's so manieth.
    pub(crate) fn new(seed: Seed, birth: u64) -> Self {
        let now = Now { group: Group::Start, number: birth, generators: [None, None] };
        Self { seed, now: Arc::new(Mutex::new(now)) }
    }

    /// From now on draws the numbers of this call.
    pub(crate) fn begin(&self, group: Group, number: u64) {
        *self.now.lock() = Now { group, number, generators: [None, None] };
    }

    pub(crate) fn secure(&self) -> Numbers {
        Numbers { of: self.clone(), stream: Stream::Secure }
    }

    pub(crate) fn insecure(&self) -> Numbers {
        Numbers { of: self.clone(), stream: Stream::Insecure }
    }

    /// What a generator of the script's own may start from.
    pub(crate) fn insecure_seed(&self) -> u128 {
        let now = self.now.lock();
        let mut generator = generator(self.seed, now.group, now.number, Stream::InsecureSeed);
        u128::from(generator.next_u64()) << 64 | u128::from(generator.next_u64())
    }
}

impl Numbers {
    fn draw<T>(&self, draw: impl FnOnce(&mut ChaCha12Rng) -> T) -> T {
        let mut now = self.of.now.lock();
        let Now { group, number, generators } = &mut *now;
        let [secure, insecure] = generators;
        let place = if let Stream::Secure = self.stream { secure } else { insecure };
        draw(
            place.get_or_insert_with(|| {
                Box::new(generator(self.of.seed, *group, *number, self.stream))
            }),
        )
    }
}

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.draw(|numbers| numbers.next_u32()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw(|numbers| numbers.next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.draw(|numbers| numbers.fill_bytes(bytes));
        Ok(())
    }
}

/// Its key is all that it depends on, one after another.
fn generator(seed: Seed, group: Group, number: u64, stream: Stream) -> ChaCha12Rng {
    let mut key = [0; 32];
    let group = match group {
        Group::Iterations => 0,
        Group::Start => 1,
        Group::Stop => 2,
    };
    key[..8].copy_from_slice(&seed.run.to_le_bytes());
    key[8..12].copy_from_slice(&seed.vu.to_le_bytes());
    key[12..16].copy_from_slice(&[seed.purpose as u8, group, stream as u8, 0]);
    key[16..24].copy_from_slice(&number.to_le_bytes());
    ChaCha12Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed { run: 7, vu: 1, purpose: Purpose::Vu };

    fn first(seed: Seed, group: Group, number: u64) -> [u64; 2] {
        let chance = Chance::new(seed, 0);
        chance.begin(group, number);
        [chance.secure(), chance.insecure()].map(|mut numbers| numbers.next_u64())
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_in_every_version() {
        let known = first(SEED, Group::Iterations, 3);
        assert_eq!(known, first(SEED, Group::Iterations, 3));
        assert_eq!(known, [9_382_489_386_838_827_491, 6_456_098_000_180_579_043]);
    }

    #[test]
    fn whoever_draws_draws_other_numbers() {
        let mut all = Vec::new();
        for (seed, group, number) in [
            (SEED, Group::Iterations, 0),
            (SEED, Group::Iterations, 1),
            (SEED, Group::Start, 0),
            (SEED, Group::Start, 1),
            (SEED, Group::Stop, 0),
            (Seed { run: 8, ..SEED }, Group::Iterations, 0),
            (Seed { vu: 2, ..SEED }, Group::Iterations, 0),
            (Seed { vu: 0, purpose: Purpose::Options, ..SEED }, Group::Iterations, 0),
            (Seed { vu: 0, purpose: Purpose::Setup, ..SEED }, Group::Iterations, 0),
            (Seed { vu: 0, purpose: Purpose::Teardown, ..SEED }, Group::Iterations, 0),
            (Seed { vu: 0, purpose: Purpose::Summary, ..SEED }, Group::Iterations, 0),
        ] {
            all.extend(first(seed, group, number));
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn numbers_go_on_within_a_call_and_begin_anew_with_the_next() {
        let chance = Chance::new(SEED, 0);
        let mut numbers = chance.secure();
        chance.begin(Group::Iterations, 0);
        let (one, two) = (numbers.next_u64(), numbers.next_u64());
        assert_ne!(one, two);
        chance.begin(Group::Iterations, 1);
        assert!(![one, two].contains(&numbers.next_u64()));
        chance.begin(Group::Iterations, 0);
        assert_eq!([numbers.next_u64(), numbers.next_u64()], [one, two]);
    }

    #[test]
    fn each_instance_has_a_seed_of_its_own_for_what_need_not_be_good() {
        let of = |birth| Chance::new(SEED, birth).insecure_seed();
        assert_eq!(of(0), of(0));
        assert_ne!(of(0), of(1));
    }
}
