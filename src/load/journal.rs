//! A run's folder as it is written: `run.json`, and `journal.jsonl` with a line an event.
//!
//! One thread owns the file. It puts neighbouring tokens of a request into one line, and hands
//! everything to the operating system at least every [`FLUSH`], so that a killed process loses no
//! more than that. (A power failure may lose more: nothing is forced to the disk before the end.)

use super::priority::step_back;
use crate::hint::{Fault, Hint};
use crate::record::{Event, Header, Moment, RequestId};
use fs_err as fs;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest that an event waits in this process: half of what a killed run may lose, since an
/// event that arrives during a write waits for the next.
const FLUSH: Duration = Duration::from_millis(50);

/// Why a run can't be recorded.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder or a file in it can't be written; the error names it.
    #[error("the run can't be recorded: {0}")]
    Io(#[from] std::io::Error),
    /// The header is no JSON: a defect.
    #[error("the run's header can't be written as JSON: {0}")]
    Header(#[from] serde_json::Error),
    /// The writing thread is gone: a defect.
    #[error("the journal's writer ended before the run did")]
    Gone,
}

impl Hint for JournalError {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Io(_)).then(|| {
            "runs are kept under `$MTOK_HOME/runs`: is there space, and may this user write there?"
                .to_owned()
        })
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Io(_) => Fault::Environment,
            Self::Header(_) | Self::Gone => Fault::Internal,
        }
    }
}

/// A run's folder, open for writing.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    hand: Writer,
    writer: JoinHandle<Result<(), JournalError>>,
}

#[derive(Debug)]
enum Message {
    Event(Event),
    Close,
}

/// A hand that writes into a journal; there may be many.
#[derive(Debug, Clone)]
pub struct Writer {
    events: Sender<Message>,
    open: Arc<AtomicBool>,
}

impl Writer {
    /// Notes an event. Once the writing thread has failed, nothing is noted any more: see
    /// [`Writer::is_open`]. Its error comes out of [`Journal::close`].
    pub fn note(&self, event: Event) {
        if self.events.send(Message::Event(event)).is_err() {
            self.open.store(false, Ordering::Relaxed);
        }
    }

    /// Whether what is noted is still written.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}

impl Journal {
    /// Makes the folder `runs/<header.id>` and begins to write. Where that exists, the header gets a
    /// number behind its name: a record is never written over.
    ///
    /// # Errors
    /// Where the folder or the files can't be made.
    pub fn create(runs: &Path, header: &mut Header) -> Result<Self, JournalError> {
        fs::create_dir_all(runs)?;
        let folder = unused_folder(runs, header)?;
        let file = fs::File::create_new(folder.join("journal.jsonl"))?;
        write_header(&folder, header)?;
        let (events, inbox) = channel();
        let writer = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            step_back();
            write_all(&inbox, file)
        })?;
        let hand = Writer { events, open: Arc::new(AtomicBool::new(true)) };
        Ok(Self { folder, hand, writer })
    }

    /// Replaces the header, whole, once more is known of the machine.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn update(&self, header: &Header) -> Result<(), JournalError> {
        write_header(&self.folder, header)
    }

    /// A hand to write with.
    pub fn writer(&self) -> Writer {
        self.hand.clone()
    }

    /// Where the record is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes what is left, forces it to the disk, and says whether all of it could be written.
    ///
    /// # Errors
    /// The first error that the writing thread met.
    pub fn close(self) -> Result<(), JournalError> {
        let _ = self.hand.events.send(Message::Close);
        self.writer.join().map_err(|_| JournalError::Gone)?
    }
}

/// A header is there whole or not at all.
fn write_header(folder: &Path, header: &Header) -> Result<(), JournalError> {
    let partial = folder.join("run.json.partial");
    fs::write(&partial, serde_json::to_vec_pretty(header)?)?;
    fs::rename(&partial, folder.join("run.json"))?;
    Ok(())
}

fn unused_folder(runs: &Path, header: &mut Header) -> Result<PathBuf, JournalError> {
    let stem = header.id.clone();
    for number in 2_u32.. {
        let folder = runs.join(&header.id);
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // Two digits, so that names sort by age.
                header.id = format!("{stem}-{number:02}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(JournalError::Gone)
}

fn write_all(inbox: &Receiver<Message>, mut file: fs::File) -> Result<(), JournalError> {
    let mut page = Page::default();
    // One wait begins a page; whatever comes within FLUSH of it goes out with it.
    while let Ok(Message::Event(event)) = inbox.recv() {
        page.add(event)?;
        std::thread::sleep(FLUSH);
        let closed = page.take_waiting(inbox)?;
        page.write(&mut file)?;
        if closed {
            break;
        }
    }
    file.sync_all()?;
    Ok(())
}

/// The lines that go out next, and the tokens that have no line yet.
#[derive(Default)]
struct Page {
    lines: Vec<u8>,
    tokens: BTreeMap<RequestId, Vec<Moment>>,
}

impl Page {
    /// Takes what has come; true if nothing more will.
    fn take_waiting(&mut self, inbox: &Receiver<Message>) -> Result<bool, JournalError> {
        for message in inbox.try_iter() {
            match message {
                Message::Event(event) => self.add(event)?,
                Message::Close => return Ok(true),
            }
        }
        Ok(false)
    }

    fn add(&mut self, event: Event) -> Result<(), JournalError> {
        match event {
            Event::Tokens { id, at, counts: None } => self.tokens.entry(id).or_default().extend(at),
            // A request's tokens stand before its end.
            Event::Done { id, .. } => {
                if let Some(at) = self.tokens.remove(&id) {
                    self.line(&Event::Tokens { id, at, counts: None })?;
                }
                self.line(&event)?;
            }
            other => self.line(&other)?,
        }
        Ok(())
    }

    fn line(&mut self, event: &Event) -> Result<(), JournalError> {
        serde_json::to_writer(&mut self.lines, event)?;
        self.lines.push(b'\n');
        Ok(())
    }

    fn write(&mut self, file: &mut impl Write) -> Result<(), JournalError> {
        for (id, at) in std::mem::take(&mut self.tokens) {
            self.line(&Event::Tokens { id, at, counts: None })?;
        }
        file.write_all(&self.lines)?;
        self.lines.clear();
        Ok(())
    }
}
