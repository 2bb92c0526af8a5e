//! Who may wait: threads whose work is ahead of its time, or behind it.

/// How far such a thread steps back, of 19.
const NICE: i32 = 5;

/// Lets threads that have to be in time go before this one: on a machine with few cores it would take
/// its turns at their cost. Where the system has no such thing, all is as before.
pub(super) fn step_back() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}
