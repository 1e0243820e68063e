//! What a check finds, and how often what happened. Other simulations of this crate use it, too.

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub check: &'static str,
    pub details: String,
}

/// Fails a check.
pub fn ensure(
    holds: bool,
    check: &'static str,
    details: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { check, details: details() }) }
}

macro_rules! tally {
    ($($name:ident)*) => {
        /// How often something happened.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Tally {
            $(pub $name: u64,)*
        }

        impl Tally {
            pub fn add(&mut self, other: &Tally) {
                $(self.$name += other.$name;)*
            }

            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }

        /// Simulates all seeds: no check fails, and each kind of situation happens in many of them.
        pub fn check_all(seeds: u64, simulate: impl Fn(u64) -> Result<Tally, Violation>) {
            let mut total = Tally::default();
            for seed in 0..seeds {
                match simulate(seed) {
                    Ok(tally) => total.add(&tally),
                    Err(violation) => panic!("seed {seed}: {violation:?}"),
                }
            }
            println!("{total:#?}");
            for (what, count) in total.rows() {
                assert!(count > seeds / 10, "{what} happened only {count} times");
            }
        }
    };
}
pub(crate) use tally;
