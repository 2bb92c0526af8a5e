//! Threads that compute one operation at a time, without a wake-up for each.
//!
//! A token is some two hundred parallel regions of a few microseconds; waking a sleeping thread for
//! each would cost more than they do. So the workers spin for a while after each region, and sleep
//! only when none has come for some tens of microseconds.
//!
//! Invariant: when [`Pool::run`] returns, each task has run exactly once, unless one panicked, and no
//! worker holds the closure any more. A worker enters a region by adding itself to the region's
//! count, which only succeeds while the region is open; the caller closes it and waits for the count
//! to fall to nought. So a worker that the operating system holds back delays nobody: the others take
//! its tasks, and it finds the region closed. Guarded by the tests below.
//!
//! Deliberately absent: a choice of which thread runs which task. No result may depend on it.

use std::any::Any;
use std::cell::UnsafeCell;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Turns of the spinning loop before a worker lets others have its CPU: some tens of microseconds.
const SPINS: u32 = 3_000;
/// Turns in which it offers the CPU to others, before it sleeps.
const YIELDS: u32 = 50;

/// A region's state in one word: its number in the high bits, whether it is open, how many workers
/// are inside.
const OPEN: u64 = 1 << 16;
const INSIDE: u64 = OPEN - 1;
const NUMBER: u64 = OPEN << 1;

/// The caller and some workers.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Whether a region is under way: a second one, nested or from another thread, runs inline.
    busy: AtomicBool,
}

/// What the caller and the workers share; the words that change are kept on lines of their own.
#[derive(Debug)]
struct Shared {
    state: Line<AtomicU64>,
    next: Line<AtomicUsize>,
    job: UnsafeCell<Job>,
    /// Workers that sleep or are about to: who must be woken.
    asleep: AtomicUsize,
    stop: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// A value on a cache line of its own; two lines, as CPUs fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

/// What a region does, with its lifetime taken away.
#[derive(Clone, Copy)]
struct Job {
    body: *const (dyn Fn(usize) + Sync),
    tasks: usize,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({} tasks)", self.tasks)
    }
}

#[allow(unsafe_code, reason = "the job is shared by a protocol that the compiler can't see")]
// SAFETY: `job` is written only while the region is closed and nobody is inside, and read only by
// workers inside an open one; what it points to is `Sync`. Everything else is `Sync` by itself.
unsafe impl Sync for Shared {}
#[allow(unsafe_code, reason = "the job is shared by a protocol that the compiler can't see")]
// SAFETY: as above; `body` may be called from any thread.
unsafe impl Send for Shared {}

impl Pool {
    /// A pool that computes with so many threads, the caller's among them.
    ///
    /// # Errors
    /// Where the operating system gives no thread.
    pub fn new(threads: NonZeroUsize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Line(AtomicU64::new(0)),
            next: Line(AtomicUsize::new(0)),
            job: UnsafeCell::new(Job { body: &|_| (), tasks: 0 }),
            asleep: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let mut pool = Self {
            shared,
            workers: Vec::with_capacity(threads.get()),
            busy: AtomicBool::new(false),
        };
        for index in 1..threads.get().min(usize::from(u16::MAX)) {
            let shared = Arc::clone(&pool.shared);
            let builder = thread::Builder::new().name(format!("mtok-{index}"));
            pool.workers.push(builder.spawn(move || shared.work())?);
        }
        Ok(pool)
    }

    /// How many threads compute, the caller's among them.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `body(task)` once for each task below `tasks`, and returns when all are done.
    ///
    /// From inside a task, or while another thread's region is under way, the tasks run here, one
    /// after another.
    ///
    /// # Panics
    /// With the panic of a task, after all threads have left the region; tasks that had not begun
    /// are then left out.
    pub fn run(&self, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
        if tasks <= 1 || self.workers.is_empty() || self.busy.swap(true, Ordering::Acquire) {
            (0..tasks).for_each(body);
            return;
        }
        let panicked = self.region(tasks, body);
        self.busy.store(false, Ordering::Release);
        if let Some(panicked) = panicked {
            panic::resume_unwind(panicked);
        }
    }

    /// A region with workers; returns the first panic.
    fn region(&self, tasks: usize, body: &(dyn Fn(usize) + Sync)) -> Option<Box<dyn Any + Send>> {
        let shared = &*self.shared;
        let number = shared.state.0.load(Ordering::Relaxed) & !(INSIDE | OPEN);
        shared.next.0.store(0, Ordering::Relaxed);
        #[allow(unsafe_code, reason = "a worker can't borrow the caller's closure")]
        // SAFETY: the region is closed and empty, so nobody reads `job`. The closure's lifetime is
        // forgotten, and kept all the same: nobody is inside when this function returns.
        unsafe {
            let body = std::mem::transmute::<
                &(dyn Fn(usize) + Sync),
                &'static (dyn Fn(usize) + Sync),
            >(body);
            *shared.job.get() = Job { body, tasks };
        }
        shared.state.0.store(number.wrapping_add(NUMBER) | OPEN, Ordering::Release);
        // Either a worker that is about to sleep sees the open region, or we see that it sleeps.
        fence(Ordering::SeqCst);
        if shared.asleep.load(Ordering::Relaxed) > 0 {
            self.workers.iter().for_each(|worker| worker.thread().unpark());
        }
        shared.take_tasks(tasks, body);
        shared.state.0.fetch_and(!OPEN, Ordering::AcqRel);
        let mut waited = 0;
        while shared.state.0.load(Ordering::Acquire) & INSIDE != 0 {
            pause(&mut waited);
        }
        shared.panic.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker's panics are caught in its tasks; there is no other.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Takes tasks until none is left. A panic ends the region and is kept.
    fn take_tasks(&self, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
        let all = panic::catch_unwind(AssertUnwindSafe(|| {
            loop {
                let task = self.next.0.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    break;
                }
                body(task);
            }
        }));
        if let Err(panicked) = all {
            self.next.0.store(tasks, Ordering::Relaxed);
            let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(panicked);
        }
    }

    /// A worker's life.
    fn work(&self) {
        let mut last = 0;
        while let Some(region) = self.next_region(last) {
            last = region & !(INSIDE | OPEN);
            #[allow(unsafe_code, reason = "a worker can't borrow the caller's closure")]
            // SAFETY: we are inside an open region: its job was written before it was opened and
            // stays, with its closure, until we have left.
            let (body, tasks) = unsafe {
                let job = *self.job.get();
                (&*job.body, job.tasks)
            };
            self.take_tasks(tasks, body);
            self.state.0.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Waits for an open region that is not number `last` and enters it; `None` at the end.
    fn next_region(&self, last: u64) -> Option<u64> {
        let mut waited = 0;
        loop {
            let seen = self.state.0.load(Ordering::Acquire);
            if seen & OPEN != 0 && seen & !(INSIDE | OPEN) != last {
                let entered = self.state.0.compare_exchange_weak(
                    seen,
                    seen + 1,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
                if entered.is_ok() {
                    return Some(seen);
                }
                continue;
            }
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if pause(&mut waited) {
                self.sleep(seen);
            }
        }
    }

    /// Sleeps unless something has happened since the state was seen.
    fn sleep(&self, seen: u64) {
        self.asleep.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // A closed region that was open when we looked is over; its number alone tells a new one.
        let same =
            self.state.0.load(Ordering::Relaxed) & !(INSIDE | OPEN) == seen & !(INSIDE | OPEN);
        if same && !self.stop.load(Ordering::SeqCst) {
            thread::park();
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits a moment, the more patiently the longer it has been; true when it is time to sleep.
fn pause(waited: &mut u32) -> bool {
    *waited = waited.saturating_add(1);
    if *waited <= SPINS {
        std::hint::spin_loop();
    } else {
        thread::yield_now();
    }
    *waited > SPINS + YIELDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn pool(threads: usize) -> Pool {
        Pool::new(NonZeroUsize::new(threads).unwrap()).unwrap()
    }

    /// Runs a region and says how often each task ran.
    fn counts(pool: &Pool, tasks: usize) -> Vec<usize> {
        let counts: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
        pool.run(tasks, &|task| {
            counts[task].fetch_add(1, Ordering::Relaxed);
        });
        counts.into_iter().map(AtomicUsize::into_inner).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn each_task_runs_once(threads in 1usize..6, regions in prop::collection::vec(0usize..200, 1..60)) {
            let pool = pool(threads);
            prop_assert_eq!(pool.threads(), threads);
            for tasks in regions {
                prop_assert_eq!(counts(&pool, tasks), vec![1; tasks]);
            }
        }
    }

    #[test]
    fn many_regions_lose_no_task() {
        let pool = pool(3);
        let sum = AtomicUsize::new(0);
        for region in 0..20_000 {
            pool.run(region % 7, &|task| {
                sum.fetch_add(task + 1, Ordering::Relaxed);
            });
        }
        // A cycle of seven regions adds 0 + 1 + 3 + 6 + 10 + 15 + 21 = 56; 20,000 = 2,857 cycles and
        // a region of no task.
        assert_eq!(sum.into_inner(), 2_857 * 56);
    }

    #[test]
    fn workers_that_slept_come_back() {
        let pool = pool(2);
        for _ in 0..5 {
            // Far longer than a worker spins.
            thread::sleep(Duration::from_millis(20));
            let met = AtomicUsize::new(0);
            // Two tasks that wait for each other can end only if the worker takes one of them.
            pool.run(2, &|_| {
                met.fetch_add(1, Ordering::SeqCst);
                while met.load(Ordering::SeqCst) < 2 {
                    thread::yield_now();
                }
            });
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let pool = pool(3);
        for panicking in [0, 1, 50, 99] {
            let caught = panic::catch_unwind(AssertUnwindSafe(|| {
                pool.run(100, &|task| assert!(task != panicking, "task {task} fails"));
            }));
            let text = *caught.unwrap_err().downcast::<String>().unwrap();
            assert_eq!(text, format!("task {panicking} fails"));
            assert_eq!(counts(&pool, 100), vec![1; 100]);
        }
    }

    #[test]
    fn a_region_inside_a_task_runs_there() {
        let pool = pool(2);
        let sum = AtomicUsize::new(0);
        pool.run(4, &|_| {
            pool.run(5, &|inner| {
                sum.fetch_add(inner, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.into_inner(), 4 * 10);
    }

    #[test]
    fn threads_may_share_a_pool() {
        let pool = pool(3);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| assert_eq!(counts(&pool, 9), vec![1; 9])));
            }
        });
    }
}
