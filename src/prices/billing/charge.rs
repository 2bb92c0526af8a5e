//! What one request is charged: the tariff of its time, the prices of its hour, service and length,
//! its tokens at them, and what the provider's terms add.

use super::bill::{Cause, Charged, Line, LineKind};
use super::error::BillError;
use super::usage::is_input;
use super::{Request, Tariff};
use crate::prices::rates::TokenKind;
use crate::prices::schedule::{Band, Tiering};
use crate::prices::terms::{Direction, Rounding, Terms};
use crate::units::{ListPrice, ListUsd, PicoUsd, Tokens};
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::collections::HashMap;

/// Where requests are charged. Schedules are laid over one another once for each tariff, hour and
/// service, not once for each of a million requests.
pub(super) struct Desk<'a> {
    entry: &'a str,
    tariffs: &'a [Tariff],
    as_of: Option<Timestamp>,
    laid: HashMap<(usize, Option<usize>, Option<usize>), Laid>,
}

/// A schedule with everything laid over it.
struct Laid {
    bands: Vec<Band>,
    tiering: Tiering,
    per_request: Option<ListUsd>,
}

impl Laid {
    /// The bands that the prompt's tokens lie in: the last of them is that of its end.
    fn reached(&self, prompt: Tokens) -> &[Band] {
        let count = self.bands.iter().take_while(|band| band.reached(prompt)).count();
        &self.bands[..count]
    }
}

/// Tokens of one kind at one price.
struct Piece {
    kind: TokenKind,
    price: ListPrice,
    tokens: Tokens,
}

impl<'a> Desk<'a> {
    pub(super) fn new(entry: &'a str, tariffs: &'a [Tariff], as_of: Option<Timestamp>) -> Self {
        Self { entry, tariffs, as_of, laid: HashMap::new() }
    }

    pub(super) fn charge(&mut self, request: &Request) -> Result<Charged, BillError> {
        let (entry, at) = (self.entry, self.as_of.unwrap_or(request.at));
        let (number, tariff) = (0..)
            .zip(self.tariffs)
            .find(|(_, tariff)| tariff.holds(at))
            .ok_or_else(|| BillError::NoTariff { entry: entry.to_owned(), at })?;
        let hours = tariff.hours.iter().position(|hours| hours.hold(request.at));
        let asked = request.service.as_ref();
        let variant = tariff.variants.iter().position(|one| Some(&one.service) == asked);
        let laid = self.laid.entry((number, hours, variant)).or_insert_with(|| {
            let schedule = tariff.schedule_at(request.at, asked);
            Laid {
                bands: schedule.bands(),
                tiering: schedule.tiering,
                per_request: schedule.per_request,
            }
        });
        let (times, count) = (times(entry, tariff, request)?, request.count);
        let terms = Counter { entry, terms: &tariff.terms, times, count };
        let bands = laid.reached(Tokens(request.usage.prompt().0.div_ceil(count.max(1))));
        let pieces = pieces(entry, request, bands, laid.tiering)?;
        Ok(Charged {
            cause: Cause {
                tariff_from: tariff.from,
                above: bands.last().and_then(|band| band.above),
                hours,
                asked: request.service.clone(),
                service: variant.map(|at| tariff.variants[at].service.clone()),
            },
            lines: terms.lines(&pieces, laid.per_request)?,
            tokens: request.usage.total(),
            requests: count,
        })
    }
}

/// The product of the uplifts that a request chose.
fn times(entry: &str, tariff: &Tariff, request: &Request) -> Result<Decimal, BillError> {
    request.uplifts.iter().try_fold(Decimal::ONE, |times, name| {
        let uplift = tariff.terms.uplifts.get(name);
        let percent = uplift
            .ok_or_else(|| BillError::Uplift { entry: entry.to_owned(), name: name.clone() })?;
        let product = percent.0.checked_mul(times).and_then(|all| all.checked_div(HUNDRED));
        product.ok_or(BillError::Fee { entry: entry.to_owned(), field: "uplifts" })
    })
}

const HUNDRED: Decimal = Decimal::ONE_HUNDRED;

/// In which order a prompt's kinds follow one another, where tiers price its stretches apart: what
/// is read from a cache is its beginning, what is written next to it follows.
const PROMPT: [TokenKind; 11] = [
    TokenKind::CachedInputExplicit,
    TokenKind::CachedInput,
    TokenKind::CachedAudio,
    TokenKind::CachedImage,
    TokenKind::CacheWrite12h,
    TokenKind::CacheWrite1h,
    TokenKind::CacheWrite,
    TokenKind::CacheWriteAudio,
    TokenKind::InputAudio,
    TokenKind::InputImage,
    TokenKind::InputVideo,
];

/// The tokens at their prices. At a cliff the whole request is at the prices of its last band; else
/// each stretch of the prompt is at its own, and the output at those of the last.
fn pieces(
    entry: &str,
    request: &Request,
    bands: &[Band],
    tiering: Tiering,
) -> Result<Vec<Piece>, BillError> {
    let price = |band: &Band, kind: TokenKind, tokens: Tokens| {
        let price = band.rates.charged(kind);
        price.ok_or_else(|| BillError::Unpriced { entry: entry.to_owned(), kind, tokens })
    };
    // There always is a first band, and every prompt reaches it.
    let Some(last) = bands.last() else { return Ok(Vec::new()) };
    let (usage, count) = (&request.usage, request.count.max(1));
    let mut pieces = Vec::new();
    let marginal = tiering == Tiering::Marginal && bands.len() > 1;
    for (kind, tokens) in usage.iter().filter(|(kind, _)| !marginal || !is_input(*kind)) {
        pieces.push(Piece { kind, price: price(last, kind, tokens)?, tokens });
    }
    if marginal {
        let mut at: u64 = 0;
        let kinds = PROMPT.into_iter().chain([TokenKind::Input]);
        for (kind, tokens) in kinds.map(|kind| (kind, usage.get(kind))) {
            let (from, to) = (at, tokens.0.saturating_add(at));
            at = to;
            for (index, band) in bands.iter().enumerate() {
                // Of several requests, each has a stretch of its own in each band.
                let all = |above: Tokens| above.0.saturating_mul(count);
                let begin = band.above.map_or(0, all).max(from);
                let end = bands.get(index + 1).and_then(|next| next.above);
                let end = end.map_or(to, |above| all(above).min(to));
                if begin < end {
                    let tokens = Tokens(end - begin);
                    pieces.push(Piece { kind, price: price(band, kind, tokens)?, tokens });
                }
            }
        }
    }
    Ok(pieces)
}

/// How a provider counts.
struct Counter<'a> {
    entry: &'a str,
    terms: &'a Terms,
    times: Decimal,
    count: u64,
}

impl Counter<'_> {
    fn lines(
        &self,
        pieces: &[Piece],
        per_request: Option<ListUsd>,
    ) -> Result<Vec<Line>, BillError> {
        let mut lines = Vec::with_capacity(pieces.len() + 1);
        for piece in pieces {
            let amount = self.bill(piece, piece.tokens)?;
            let price = piece.price.0.checked_mul(self.times).map(ListPrice);
            lines.push(Line {
                kind: LineKind::Tokens(piece.kind),
                price: Some(price.ok_or_else(|| self.too_large(piece))?),
                count: piece.tokens.0,
                amount,
            });
        }
        let grain = self.grain(pieces)?;
        let count = self.count;
        let mut fee = |kind, amount: PicoUsd| {
            if amount != PicoUsd(0) {
                lines.push(Line { kind, price: None, count, amount });
            }
            lines.iter().map(|line| line.amount).sum::<PicoUsd>()
        };
        let mut total = fee(LineKind::Grain, grain);
        if let Some(amount) = per_request {
            total = fee(LineKind::PerRequest, self.usd("per_request", amount)?);
        }
        if let Some(minimum) = self.terms.minimum {
            let short = self.usd("minimum", minimum)? - total;
            total = fee(LineKind::Minimum, short.max(PicoUsd(0)));
        }
        if let Some(percent) = self.terms.router_fee {
            let share = percent.0.checked_div(HUNDRED);
            let amount = share.and_then(|share| total.times(share));
            fee(LineKind::RouterFee, amount.ok_or_else(|| self.field("router_fee"))?);
        }
        Ok(lines)
    }

    /// What rounding adds to the tokens of each kind, at the price of its last.
    fn grain(&self, pieces: &[Piece]) -> Result<PicoUsd, BillError> {
        let mut sum = PicoUsd(0);
        if self.count != 1 {
            return Ok(sum);
        }
        for kind in pieces.chunk_by(|one, next| one.kind == next.kind) {
            let Some(last) = kind.last() else { continue };
            let exact: Tokens = kind.iter().map(|piece| piece.tokens).sum();
            let billed = grained(exact, self.terms.rounding);
            let moved = (last.tokens + billed).0.checked_sub(exact.0).map(Tokens);
            sum += match moved {
                Some(moved) => self.bill(last, moved)? - self.bill(last, last.tokens)?,
                // The last stretch is shorter than what rounding down takes away.
                None => -self.bill(last, Tokens(exact.0 - billed.0))?,
            };
        }
        Ok(sum)
    }

    fn bill(&self, piece: &Piece, tokens: Tokens) -> Result<PicoUsd, BillError> {
        piece.price.bill_pico(tokens, self.times).ok_or_else(|| self.too_large(piece))
    }

    fn usd(&self, field: &'static str, amount: ListUsd) -> Result<PicoUsd, BillError> {
        let each = PicoUsd::of(amount.0);
        let all = each.and_then(|each| each.0.checked_mul(i128::from(self.count)));
        all.map(PicoUsd).ok_or_else(|| self.field(field))
    }

    fn field(&self, field: &'static str) -> BillError {
        BillError::Fee { entry: self.entry.to_owned(), field }
    }

    fn too_large(&self, piece: &Piece) -> BillError {
        let Piece { kind, tokens, .. } = *piece;
        BillError::TooLarge { entry: self.entry.to_owned(), kind, tokens }
    }
}

/// The tokens that are billed for these.
fn grained(tokens: Tokens, rounding: Rounding) -> Tokens {
    let grain = rounding.grain.0.max(1);
    let (full, over) = (tokens.0 / grain, tokens.0 % grain);
    let up = match rounding.direction {
        Direction::Up => over > 0,
        Direction::Down => false,
        Direction::Nearest => match over.cmp(&(grain - over)) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => full % 2 == 1,
            std::cmp::Ordering::Greater => true,
        },
    };
    Tokens((full + u64::from(up)).saturating_mul(grain))
}
