//! In which proportion a workload uses input, cached input and output.

use crate::units::Tokens;

/// Token counts of a workload, which weigh its three prices. Never all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    input: Tokens,
    cached_input: Tokens,
    output: Tokens,
}

impl Mix {
    /// A mix of uncached input, cached input and output tokens; the three don't overlap.
    ///
    /// `None` where there is no token at all: then nothing has a price per token.
    pub fn new(input: Tokens, cached_input: Tokens, output: Tokens) -> Option<Self> {
        let some = input.0 > 0 || cached_input.0 > 0 || output.0 > 0;
        some.then_some(Self { input, cached_input, output })
    }

    /// Input tokens that were not in a cache.
    pub fn input(self) -> Tokens {
        self.input
    }

    /// Input tokens that were in a cache.
    pub fn cached_input(self) -> Tokens {
        self.cached_input
    }

    /// Output tokens.
    pub fn output(self) -> Tokens {
        self.output
    }
}
