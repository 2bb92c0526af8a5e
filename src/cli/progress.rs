//! What is seen on stderr while something takes its time: bars on a terminal, lines elsewhere.

use crate::conduct::{Stage, TaskProgress};
use crate::fetch;
use crate::load::Progress;
use crate::record::Phase;
use crate::units::Seconds;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

const BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}";
const BYTES_OF_UNKNOWN: &str = "{msg} {spinner} {bytes} {bytes_per_sec}";
const TASKS: &str = "{msg} {wide_bar} {pos}/{len} {eta}";
const STEPS: &str = "{msg} {wide_bar} {percent:>3} %";
/// The bar of a run counts thousandths of the time to measure.
const STEPS_TOTAL: u64 = 1_000;

/// One line of progress, kept up to date.
pub(crate) struct Line {
    bar: ProgressBar,
    terminal: bool,
    said: String,
    /// What goes before a run's phase: which run of a sweep it is.
    rung: String,
    /// Elsewhere than on a terminal: how long a run has measured when the next line is due.
    next_said: Seconds,
}

/// Elsewhere than on a terminal, a line of a run's progress so often.
const LINES: Seconds = Seconds(10.0);

impl Line {
    /// A line that is seen on a terminal, and says each new message once elsewhere.
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target =
            if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Self { bar, terminal, said: String::new(), rung: String::new(), next_said: LINES }
    }

    fn say(&mut self, message: &str, style: &str) {
        if self.said == message {
            return;
        }
        message.clone_into(&mut self.said);
        // The styles are constants, and right.
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.bar.set_style(style);
        }
        self.bar.set_position(0);
        self.bar.set_message(message.to_owned());
        if !self.terminal {
            eprintln!("{message}");
        }
    }

    /// Says how a run goes: all the time on a terminal, every ten seconds elsewhere.
    fn live(&mut self, message: &str, progress: &Progress) {
        let rate = if progress.measured > Seconds(0.0) {
            format!(", {:.0}", progress.tokens / progress.measured)
        } else {
            String::new()
        };
        let waiting = match progress.waiting {
            0 => String::new(),
            waiting => format!(", {waiting} waiting"),
        };
        let failed = match progress.failed {
            0 => String::new(),
            failed => format!(", {failed} FAILED"),
        };
        let words = format!("{message}{rate}, {} in flight{waiting}{failed}", progress.in_flight);
        if self.terminal {
            self.bar.set_message(words);
        } else if progress.measured >= self.next_said {
            eprintln!("{words}");
            self.next_said = progress.measured + LINES;
        } else if progress.measured + LINES < self.next_said {
            // Another run has begun.
            self.next_said = LINES;
        }
    }

    /// Takes the line away.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }

    /// Shows a measurement.
    pub(crate) fn stage(&mut self, stage: &Stage) {
        match stage {
            Stage::OnCpu { why } => self.bar.suspend(|| {
                eprintln!("WARNING: no CUDA device ({why}): what follows are CPU figures");
            }),
            Stage::Probing => self.say("probing the machine's peaks", "{msg} {spinner}"),
            Stage::Loading => self.say("loading the weights", "{msg} {spinner}"),
            Stage::Reaching => self.say("asking the server what it is", "{msg} {spinner}"),
            Stage::Rung { level, index, of } => {
                self.rung = match of {
                    Some(of) => format!("{index} of {of}, {level}: "),
                    None => format!("run {index}, {level}: "),
                };
            }
            Stage::Running(progress) => {
                let phase = match progress.phase {
                    Phase::WarmUp => "warming up",
                    Phase::Measure => "measuring",
                    Phase::CoolDown => "cooling down",
                    Phase::Drain => "waiting for the last requests",
                };
                let message = format!("{}{phase}", self.rung);
                self.say(&message, STEPS);
                self.live(&message, progress);
                self.bar.set_length(STEPS_TOTAL);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "a share of a thousand, for the eye"
                )]
                let step = (progress.share.get().clamp(0.0, 1.0) * STEPS_TOTAL as f64) as u64;
                self.bar.set_position(step);
            }
        }
        self.bar.tick();
    }

    /// Shows how many tasks a model has come through.
    pub(crate) fn tasks(&mut self, model: &str, progress: TaskProgress) {
        let TaskProgress { done, solved, all } = progress;
        if self.said != model {
            self.say(model, TASKS);
            self.bar.set_length(all as u64);
        }
        self.bar.set_position(done as u64);
        self.bar.set_message(format!("{model}, {solved} solved"));
        if !self.terminal && done == all {
            eprintln!("{model}: {done} answers, {solved} solved");
        }
    }

    /// Shows a download; stops it once `stop` is set.
    pub(crate) fn download(
        &mut self,
        event: &fetch::Event<'_>,
        stop: &AtomicBool,
    ) -> ControlFlow<()> {
        match event {
            fetch::Event::Waiting => {
                self.say("another process fetches this file; waiting for it", "{msg} {spinner}");
            }
            fetch::Event::Trying { source } => {
                self.say(&format!("asking {source}"), "{msg} {spinner}");
            }
            fetch::Event::Failed { failure } => {
                let words =
                    format!("{}: {}; trying the next source", failure.source, failure.error);
                self.bar.suspend(|| eprintln!("{words}"));
            }
            fetch::Event::Progress { stage, done, total } => {
                let doing = match stage {
                    fetch::Stage::Downloading => "downloading",
                    fetch::Stage::Assembling => "putting together",
                    fetch::Stage::Verifying => "checking",
                };
                self.say(doing, if total.is_some() { BYTES } else { BYTES_OF_UNKNOWN });
                if let Some(total) = total {
                    self.bar.set_length(total.0);
                }
                self.bar.set_position(done.0);
            }
        }
        self.bar.tick();
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
