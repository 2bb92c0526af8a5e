//! Puts tasks to a model and keeps a record of every attempt.
//!
//! Invariant: an attempt is on record as soon as it is over, whole, and what is on record is not asked
//! again; a record that was cut off anywhere goes on where its last whole line ends, and only under
//! the head that it began with. So a run that was killed and resumed has the attempts of one that was
//! not. Each task's sampling is drawn from the seed, the task and the repeat alone, never from its
//! place in the run. Guarded by `tests/tasks.rs`.
//!
//! Deliberately absent: prices, and whose answer is cheaper: `tasks` judges what is on record.

use super::MeasureError;
use super::asking::{Asked, Manner, Question, Reply, Respondent};
use super::subject::Subject;
use crate::clock::wall;
use crate::record::attempts::{self, Attempt, Attempts, AttemptsError, Cut, Head, Slot};
use crate::suite::{Form, Instance, Kind, Lack, Verdict};
use crate::units::Ratio;
use crate::workload::Message;
use fs_err as fs;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A text that every model's tokenizer cuts: how finely it does is a part of what its tokens cost.
const TEXT: (&str, &str) = ("english prose", include_str!("../../data/prose.txt"));

/// Tasks to be put to models.
#[derive(Debug, Clone, PartialEq)]
pub struct Tasks {
    /// What the tasks are called together.
    pub suite: String,
    /// Their version.
    pub version: String,
    /// What they were drawn with.
    pub seed: u64,
    /// The tasks.
    pub instances: Vec<Instance>,
    /// How often each is tried.
    pub repeats: u32,
    /// How they are asked.
    pub manner: Manner,
}

/// How far a model has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskProgress {
    /// Attempts on record.
    pub done: usize,
    /// Of these, solved.
    pub solved: usize,
    /// Attempts in all.
    pub all: usize,
}

impl Tasks {
    /// Puts them to a model, so far as they are not on record in this file yet, and returns whether it
    /// came to the end.
    ///
    /// # Errors
    /// Where the model can't be asked, or the file can't be written or is of something else.
    pub fn put_to(
        &self,
        subject: &Subject,
        file: &Path,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(&str, TaskProgress),
    ) -> Result<bool, MeasureError> {
        let respondent = Respondent::new(subject, self.manner)?;
        let mut record = Record::open(file, self.head(&respondent))?;
        let ids: Vec<&str> = self.instances.iter().map(|one| one.id.as_str()).collect();
        let left = record.attempts.missing(Slot::all(&ids, self.repeats));
        let known: BTreeMap<&str, &Instance> =
            self.instances.iter().map(|one| (one.id.as_str(), one)).collect();
        let left: Vec<(Slot, &Instance)> = left
            .into_iter()
            .filter_map(|slot| known.get(slot.task.as_str()).map(|one| (slot, *one)))
            .collect();
        let before = &record.attempts.attempts;
        let answered = before.iter().filter(|one| one.verdict != attempts::Verdict::Failed).count();
        let solved = before.iter().filter(|one| one.verdict == attempts::Verdict::Solved).count();
        let mut progress = TaskProgress { done: answered, solved, all: answered + left.len() };
        let name = record.attempts.head.model.name.clone();
        watch(&name, progress);
        if left.is_empty() {
            return Ok(true);
        }
        let chats = respondent.chats();
        let questions: Vec<(Question, Form)> = left
            .iter()
            .map(|(slot, instance)| {
                let (prompt, stop, form) = asked(instance, chats);
                let at_most = instance.max_output;
                let seed = self.seed_of(slot);
                (Question { prompt, at_most, stop, seed }, form)
            })
            .collect();
        let (questions, forms): (Vec<Question>, Vec<Form>) = questions.into_iter().unzip();
        respondent.ask(&questions, stop, &mut |reply: Reply| -> Result<(), MeasureError> {
            let at = reply.number;
            let (Some((slot, instance)), Some(question), Some(form)) =
                (left.get(at), questions.get(at), forms.get(at))
            else {
                return Ok(());
            };
            let attempt = attempt(slot, instance, *form, question, reply);
            progress.done += 1;
            progress.solved += usize::from(attempt.verdict == attempts::Verdict::Solved);
            record.note(&attempt)?;
            watch(&name, progress);
            Ok(())
        })
    }

    fn head(&self, respondent: &Respondent<'_>) -> Head {
        let (name, text) = TEXT;
        let cut = respondent.count(text).map(|tokens| Cut {
            text: name.to_owned(),
            characters: text.chars().count() as u64,
            tokens,
        });
        Head {
            schema: Head::SCHEMA.to_owned(),
            started: wall(),
            mtok: env!("CARGO_PKG_VERSION").to_owned(),
            suite: self.suite.clone(),
            suite_version: self.version.clone(),
            seed: self.seed,
            temperature: Ratio::of(self.manner.sampling.temperature),
            repeats: self.repeats,
            model: respondent.model(),
            target: respondent.target(),
            cut,
        }
    }

    /// FNV-1a over what names the attempt: the same in every run, whatever else is asked.
    fn seed_of(&self, slot: &Slot) -> u64 {
        let bytes = self.seed.to_le_bytes().into_iter();
        let bytes = bytes.chain(slot.task.bytes()).chain(slot.repeat.to_le_bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

/// How a task is asked: as a conversation where the model takes these, else by examples where it has
/// some, else its messages one after the other.
fn asked(instance: &Instance, chats: bool) -> (Asked, Vec<String>, Form) {
    if !chats && let Some(few_shot) = &instance.few_shot {
        return (Asked::Text(few_shot.text.clone()), few_shot.stop.clone(), Form::FewShot);
    }
    let said = instance.messages.iter();
    let messages: Vec<Message> =
        said.map(|one| Message { role: one.role.clone(), content: one.content.clone() }).collect();
    if chats {
        return (Asked::Chat(messages), Vec::new(), Form::Chat);
    }
    let texts: Vec<String> = messages.into_iter().map(|one| one.content).collect();
    (Asked::Text(texts.join("\n\n") + "\n\n"), Vec::new(), Form::Chat)
}

fn attempt(
    slot: &Slot,
    instance: &Instance,
    form: Form,
    question: &Question,
    reply: Reply,
) -> Attempt {
    let (verdict, answer) = judged(instance, form, &reply);
    Attempt {
        task: slot.task.clone(),
        family: instance.family.clone(),
        variant_of: match &instance.kind {
            Kind::Base => None,
            Kind::Variant { of } => Some(of.clone()),
        },
        repeat: slot.repeat,
        verdict,
        answer,
        prompt_characters: match &question.prompt {
            Asked::Chat(messages) => messages.iter().map(|one| characters(&one.content)).sum(),
            Asked::Text(text) => characters(text),
        },
        reply_characters: characters(&reply.text),
        tries: reply.tries,
        judge: None,
    }
}

fn judged(instance: &Instance, form: Form, reply: &Reply) -> (attempts::Verdict, Option<String>) {
    use attempts::Verdict as Found;
    if reply.failed() {
        return (Found::Failed, None);
    }
    if reply.is_refused() {
        let said = Some(reply.refusal.clone()).filter(|said| !said.is_empty());
        return (Found::Refused, said);
    }
    match instance.grade(form, &reply.text, reply.is_cut()) {
        Verdict::Solved { extracted } => (Found::Solved, Some(extracted)),
        Verdict::Wrong { extracted } => (Found::Wrong, Some(extracted)),
        Verdict::Refused { said } => (Found::Refused, Some(said)),
        Verdict::NoAnswer { why: Lack::CutOff } => (Found::Truncated, None),
        // A model that spent all its tokens on reasoning was cut off in it.
        Verdict::NoAnswer { .. } if reply.is_cut() => (Found::Truncated, None),
        Verdict::NoAnswer { .. } => (Found::NoAnswer, None),
    }
}

fn characters(text: &str) -> u64 {
    text.chars().count() as u64
}

/// A record that is written.
struct Record {
    file: fs::File,
    attempts: Attempts,
}

impl Record {
    /// Begins it, or goes on with it where its last whole line ends.
    fn open(path: &Path, head: Head) -> Result<Self, MeasureError> {
        let damaged =
            |error: AttemptsError| MeasureError::Attempts { file: path.to_owned(), error };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(MeasureError::Unwritten)?;
        }
        let old = match fs::read(path) {
            Ok(bytes) => Attempts::parse(&bytes).map_err(damaged)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(MeasureError::Unwritten(error)),
        };
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.create(true).append(true).open(path).map_err(MeasureError::Unwritten)?;
        let attempts = if let Some(old) = old {
            old.head.goes_on_as(&head).map_err(damaged)?;
            file.set_len(old.whole as u64).map_err(MeasureError::Unwritten)?;
            old
        } else {
            file.set_len(0).map_err(MeasureError::Unwritten)?;
            line(&mut file, &head)?;
            Attempts { head, attempts: Vec::new(), whole: 0, torn: 0 }
        };
        Ok(Self { file, attempts })
    }

    fn note(&mut self, attempt: &Attempt) -> Result<(), MeasureError> {
        line(&mut self.file, attempt)
    }
}

/// A whole line at once, so that what is torn is the last one at most.
fn line(file: &mut fs::File, of: &impl serde::Serialize) -> Result<(), MeasureError> {
    let text = serde_json::to_string(of).map_err(std::io::Error::other);
    let text = text.map_err(MeasureError::Unwritten)? + "\n";
    file.write_all(text.as_bytes()).map_err(MeasureError::Unwritten)
}
