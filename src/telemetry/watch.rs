//! A thread that asks servers and exporters how they stand, beside the one that reads this machine.
//!
//! A page takes milliseconds, and under load much longer: it must not delay NVML's readings, so each
//! group of pages has a thread of its own. The first reading is taken before [`Watch::start`] returns
//! and the last one after it is told to stop, so that all that is sent in between lies between two
//! readings of the counters.
//!
//! Invariant: a reading is of one moment, the middle between question and answer, and of all servers
//! or of none: counters of which one is missing would look like a restart. A failure is a gap, told
//! once until the page is back. Guarded by `watch/tests.rs`.

use super::sampler::{Sink, Worker};
use super::scrape::{ScrapeError, Scraped, Scraper, TIMEOUT};
use crate::clock::Clock;
use crate::record::reading::{Gap, GpuReading, Reading, ServerReading};
use crate::record::{Event, Moment};
use crate::units::{Ratio, Seconds};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long it sleeps at most before it looks whether it is to stop.
const NAP: Seconds = Seconds(0.05);

/// An engine in this process that says how it stands.
pub(super) type Engine = Box<dyn Fn() -> Option<ServerReading> + Send>;

/// Who is asked, all at one moment.
pub(super) enum Watched {
    /// Pages, of which the servers' are one server's between them.
    Pages(Vec<Page>),
    /// An engine in this process.
    Engine(Engine),
}

/// A page that was read before.
pub(super) struct Page {
    pub(super) scraper: Scraper,
    /// Whether it told of a server then.
    pub(super) server: bool,
    /// The run's index of each GPU whose readings are wanted, by its identifier.
    pub(super) gpus: BTreeMap<String, u32>,
    /// Whether it failed last time.
    pub(super) lost: bool,
}

/// What the thread owns.
pub(super) struct Watch {
    pub(super) watched: Watched,
    pub(super) period: Seconds,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sink: Sink,
    pub(super) stop: Arc<AtomicBool>,
}

impl Watch {
    /// Takes the first reading and starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(mut self) -> std::io::Result<Worker> {
        let patience = self.patience();
        self.round();
        Worker::start("metrics", patience, move || {
            let mut next = self.clock.now().after(self.period);
            loop {
                let stopping = self.wait(next);
                self.round();
                if stopping {
                    return;
                }
                // A late reading is not made up for by a burst.
                next = next.max(self.clock.now()).after(self.period);
            }
        })
    }

    /// The reading under way when it is told to stop, and the last one, each at its worst.
    fn patience(&self) -> Duration {
        let pages = match &self.watched {
            Watched::Pages(pages) => u32::try_from(pages.len()).unwrap_or(u32::MAX),
            Watched::Engine(_) => 1,
        };
        TIMEOUT.saturating_mul(2).saturating_mul(pages) + TIMEOUT / 4
    }

    /// Waits until the next reading is due; whether it is the last.
    fn wait(&self, due: Moment) -> bool {
        loop {
            let stopping = self.stop.load(Ordering::Relaxed);
            let now = self.clock.now();
            if stopping || now >= due {
                return stopping;
            }
            self.clock.sleep_until(due.min(now.after(NAP)));
        }
    }

    /// One reading.
    fn round(&mut self) {
        let before = self.clock.now();
        let told = match &mut self.watched {
            Watched::Engine(reading) => {
                Told { server: reading(), gpus: Vec::new(), gaps: Vec::new() }
            }
            Watched::Pages(pages) => read(pages),
        };
        let at = middle(before, self.clock.now());
        let Told { server, gpus, gaps } = told;
        if server.is_some() || !gpus.is_empty() {
            let reading = Reading { at, gpus, server, ..Reading::default() };
            self.sink.tell(Event::Reading(Box::new(reading)));
        }
        for (source, reason) in gaps {
            self.sink.tell(Event::Gap(match source {
                Source::Server => Gap { at, source: "server metrics".to_owned(), reason },
                Source::Gpu(index) => Gap::of_gpu(at, index, reason),
            }));
        }
    }
}

/// What came of asking.
struct Told {
    server: Option<ServerReading>,
    gpus: Vec<GpuReading>,
    gaps: Vec<(Source, String)>,
}

enum Source {
    Server,
    Gpu(u32),
}

fn read(pages: &mut [Page]) -> Told {
    let mut told = Told { server: None, gpus: Vec::new(), gaps: Vec::new() };
    let (mut servers, mut whole) = (Vec::new(), true);
    for page in pages {
        match page.read() {
            Ok(scraped) => {
                page.lost = false;
                servers.extend(scraped.server.filter(|_| page.server));
                told.gpus.extend(scraped.gpus.into_iter().filter_map(|gpu| {
                    let index = *page.gpus.get(&gpu.info.uuid)?;
                    Some(GpuReading { index, ..gpu.reading })
                }));
            }
            Err(error) => {
                whole &= !page.server;
                if !std::mem::replace(&mut page.lost, true) {
                    let gpus = page.gpus.values().map(|index| Source::Gpu(*index));
                    let sources = page.server.then_some(Source::Server).into_iter().chain(gpus);
                    told.gaps.extend(sources.map(|source| (source, error.to_string())));
                }
            }
        }
    }
    told.server = servers.into_iter().reduce(together).filter(|_| whole);
    told
}

impl Page {
    /// A page that tells less than it did is as good as none: what is missing from it is unknown.
    fn read(&self) -> Result<Scraped, ScrapeError> {
        let scraped = self.scraper.read()?;
        let known = |uuid: &String| scraped.gpus.iter().any(|gpu| gpu.info.uuid == *uuid);
        let whole = (!self.server || scraped.server.is_some()) && self.gpus.keys().all(known);
        if whole { Ok(scraped) } else { Err(ScrapeError::Unknown { url: self.scraper.shown() }) }
    }
}

/// Two servers as one: counts are summed where both tell them, the cache is as full as the fuller
/// one's, and the start is the later one's, so that a restart of either shows.
fn together(one: ServerReading, other: ServerReading) -> ServerReading {
    fn sum<T: std::ops::Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
        one.zip(other).map(|(one, other)| one + other)
    }
    let larger = |(one, other): (Ratio, Ratio)| if other > one { other } else { one };
    let later = |(one, other): (Seconds, Seconds)| if other > one { other } else { one };
    ServerReading {
        running: sum(one.running, other.running),
        waiting: sum(one.waiting, other.waiting),
        kv_used: one.kv_used.zip(other.kv_used).map(larger),
        prefix_queried: sum(one.prefix_queried, other.prefix_queried),
        prefix_hit: sum(one.prefix_hit, other.prefix_hit),
        preemptions: sum(one.preemptions, other.preemptions),
        prompt_tokens: sum(one.prompt_tokens, other.prompt_tokens),
        output_tokens: sum(one.output_tokens, other.output_tokens),
        requests: sum(one.requests, other.requests),
        started: one.started.zip(other.started).map(later),
    }
}

/// The moment half-way between two.
fn middle(before: Moment, after: Moment) -> Moment {
    Moment(before.0 + after.0.saturating_sub(before.0) / 2)
}

#[cfg(test)]
mod tests;
