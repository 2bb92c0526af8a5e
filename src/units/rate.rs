//! Things per second.

use super::parse::Scale;
use super::quantity::{quantity, relation};
use super::{Bytes, Flops, Seconds, Tokens};

quantity!(
    /// Tokens per second: delivered tokens over the time they took.
    TokensPerSecond, "tok/s", "a token rate", "185tok/s", false,
    &[
        (&["tok/s", "tokens/s", "token/s", "tok/sec", "tps"], Scale::Ten(0)),
        (&["ktok/s"], Scale::Ten(3)),
        (&["mtok/s"], Scale::Ten(6)),
        (&["tok/min"], Scale::Times(1.0 / 60.0)),
        (&["tok/h"], Scale::Times(1.0 / super::SECONDS_PER_HOUR)),
    ]
);

quantity!(
    /// Requests per second.
    RequestsPerSecond, "requests/s", "a request rate", "2.5/s", false,
    &[
        (&["requests/s", "request/s", "req/s", "/s", "rps"], Scale::Ten(0)),
        (&["requests/min", "req/min", "/min"], Scale::Times(1.0 / 60.0)),
        (&["requests/h", "req/h", "/h"], Scale::Times(1.0 / super::SECONDS_PER_HOUR)),
    ]
);

quantity!(
    /// Bytes per second, of memory or of a link.
    BytesPerSecond, "B/s", "a bandwidth", "3350GB/s", true,
    &[
        (&["B/s"], Scale::Ten(0)),
        (&["MB/s"], Scale::Ten(6)),
        (&["GB/s"], Scale::Ten(9)),
        (&["TB/s"], Scale::Ten(12)),
    ]
);

quantity!(
    /// Floating-point operations per second.
    FlopsPerSecond, "FLOP/s", "a speed of arithmetic", "989TFLOP/s", true,
    &[
        (&["FLOP/s"], Scale::Ten(0)),
        (&["GFLOP/s"], Scale::Ten(9)),
        (&["TFLOP/s"], Scale::Ten(12)),
        (&["PFLOP/s"], Scale::Ten(15)),
    ]
);

quantity!(
    /// Tokens for each character of a text: how finely a tokenizer cuts it.
    TokensPerCharacter, "tok/char", "how finely a text is cut", "0.25tok/char", false,
    &[(&["tok/char", "tokens/char"], Scale::Ten(0))]
);

quantity!(
    /// Characters for each token of a text: how much of it a token holds.
    CharactersPerToken, "char/tok", "how much text a token holds", "4char/tok", false,
    &[(&["char/tok", "characters/token"], Scale::Ten(0))]
);

/// The same said the other way round.
impl From<CharactersPerToken> for TokensPerCharacter {
    fn from(held: CharactersPerToken) -> Self {
        Self(1.0 / held.0)
    }
}

/// A rate is total over total.
impl std::ops::Div<Seconds> for Tokens {
    type Output = TokensPerSecond;

    fn div(self, time: Seconds) -> TokensPerSecond {
        TokensPerSecond(self.get() / time.0)
    }
}

impl std::ops::Div<TokensPerSecond> for Tokens {
    type Output = Seconds;

    fn div(self, rate: TokensPerSecond) -> Seconds {
        Seconds(self.get() / rate.0)
    }
}

impl std::ops::Div<Seconds> for Bytes {
    type Output = BytesPerSecond;

    fn div(self, time: Seconds) -> BytesPerSecond {
        BytesPerSecond(self.get() / time.0)
    }
}

impl std::ops::Div<BytesPerSecond> for Bytes {
    type Output = Seconds;

    fn div(self, rate: BytesPerSecond) -> Seconds {
        Seconds(self.get() / rate.0)
    }
}

relation!(Flops / Seconds = FlopsPerSecond);
relation!(Flops / FlopsPerSecond = Seconds);
