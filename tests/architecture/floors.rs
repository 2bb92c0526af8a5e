//! The house as a table: which room stands on which floor, who may see whom, what a floor may not hold.
//!
//! This file is the only place where the rules are written down for the machine; `ARCHITECTURE.md`
//! says the same in prose. A room that is not in [`FLOORS`] fails the test, so nobody can add one
//! without deciding where it stands.

/// A floor: its rooms, and what no file on it may name.
pub(crate) struct Floor {
    /// What the floor is for, as findings call it.
    pub(crate) name: &'static str,
    /// Groups of rooms. Within a group a room sees those after it; groups do not see each other.
    pub(crate) groups: &'static [&'static [&'static str]],
    /// Path prefixes that no file of the floor may name.
    pub(crate) forbidden: &'static [&'static [&'static str]],
    /// Whether `async` and `.await` may appear.
    pub(crate) may_wait: bool,
}

/// From the ground up. A floor sees only the floors below it.
pub(crate) const FLOORS: &[Floor] = &[
    Floor {
        name: "ground",
        groups: &[&["record", "units", "hint"], &["secret"]],
        forbidden: &[CLOCK, ASYNC, SOCKET, FILE, PROCESS, GPU],
        may_wait: false,
    },
    Floor {
        name: "plans",
        groups: &[&["workload"], &["prices"], &["hardware"], &["suite"], &["schedule"]],
        forbidden: &[CLOCK, ASYNC, SOCKET],
        may_wait: false,
    },
    Floor {
        name: "measuring",
        // `clock` closes both groups: whoever measures may ask what time it is.
        groups: &[
            &["load", "target", "engine", "model", "fetch", "clock"],
            &["telemetry", "clock"],
        ],
        forbidden: &[],
        may_wait: true,
    },
    Floor {
        name: "judging",
        // `route`, `meter`, `compare` and `tasks` are neighbours that do not see each other.
        groups: &[
            &["route", "estimate", "cost", "summary"],
            &["meter", "estimate", "cost", "summary"],
            &["compare", "plan", "estimate", "cost", "summary"],
            &["tasks", "cost", "summary"],
        ],
        forbidden: &[CLOCK, ASYNC, SOCKET, FILE, PROCESS, GPU],
        may_wait: false,
    },
    Floor {
        name: "outlets",
        groups: &[&["conduct", "store"], &["report"]],
        forbidden: &[],
        may_wait: true,
    },
    Floor { name: "shell", groups: &[&["main", "cli", "serve"]], forbidden: &[], may_wait: true },
];

/// Rooms that a lower floor holds and a higher one still may not see, and why.
pub(crate) const WALLS: &[(&str, &str, &str)] = &[
    ("measuring", "prices", "nothing that measures can see a price"),
    ("judging", "fetch", LEGS),
    ("judging", "model", LEGS),
    ("judging", "engine", LEGS),
    ("judging", "target", LEGS),
    ("judging", "load", LEGS),
    ("judging", "telemetry", LEGS),
    ("judging", "clock", LEGS),
];
const LEGS: &str = "the judging leg meets the measuring leg only in `record`";

const CLOCK: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "std::thread::sleep",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "rustix::time",
];
const ASYNC: &[&str] = &["tokio", "futures", "futures_util", "async_std", "smol"];
const SOCKET: &[&str] = &[
    "std::net",
    "std::os::unix::net",
    "ureq",
    "hf_hub",
    "reqwest",
    "hyper",
    "axum",
    "rustls",
    "rustix::net",
];
const FILE: &[&str] = &[
    "std::fs",
    "std::os::unix::fs",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "fs_err",
    "tempfile",
    "memmap2",
    "rustix::fs",
];
const PROCESS: &[&str] = &["std::process::Command", "std::process::Child", "rustix::process"];
const GPU: &[&str] = &[
    "candle_core",
    "candle_nn",
    "candle_transformers",
    "cudarc",
    "nvml_wrapper",
    "nvml_wrapper_sys",
    "libloading",
];

/// Reading the time: only [`CLOCK_FILE`] may, so that a test can replace it.
pub(crate) const NOW: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
];
/// The one file that reads time.
pub(crate) const CLOCK_FILE: &str = "src/clock.rs";

/// Macros that print; beside them [`PRINTING_PATHS`].
pub(crate) const PRINTING_MACROS: &[&str] = &["println", "print", "eprintln", "eprint", "dbg"];
/// Ways to the terminal that are not macros.
pub(crate) const PRINTING_PATHS: &[&str] = &["std::io::stdout", "std::io::stderr", "indicatif"];
/// Rooms that may print.
pub(crate) const PRINTING_ROOMS: &[&str] = &["report", "cli", "main"];

/// Where `unsafe` may stand: a file, or a folder ending in `/`; each with the reason.
pub(crate) const UNSAFE_PLACES: &[(&str, &str)] = &[
    ("src/engine/op/", "vector instructions, and threads that write parts of one slice"),
    ("src/telemetry/driver.rs", "asks a CUDA driver that it opened for its version"),
    (
        "src/telemetry/peaks/kernels.rs",
        "names vector instructions that it has seen the CPU to have",
    ),
    ("src/telemetry/peaks.rs", "asks the kernel for huge pages and fills them"),
    ("tests/fake_nvml/", "stands in for a C library"),
    ("tests/fake_cuda/", "stands in for a C library"),
    ("tests/hostile/mod.rs", "counts what is allocated"),
    ("tests/http_allocations.rs", "counts what is allocated"),
    ("tests/kernels/emulator.rs", "calls a C library"),
];

/// The longest a source file may be, in lines.
pub(crate) const LINES_MAX: usize = 500;

/// Which floor a room stands on, counted from the ground; `None` if the table lacks it.
pub(crate) fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.groups.iter().any(|group| group.contains(&room)))
}

/// Why `from` may not see `to`; `None` if it may.
pub(crate) fn objection(from: &str, to: &str) -> Option<String> {
    if from == to {
        return None;
    }
    let Some(above) = floor_of(from) else {
        return Some(format!("the room `{from}` is not in the table of floors"));
    };
    let Some(below) = floor_of(to) else {
        return Some(format!("`crate::{to}` is not a room in the table of floors"));
    };
    let floor = &FLOORS[above];
    if below > above {
        return Some(format!(
            "`{from}` ({}) sees `{to}` on a higher floor ({})",
            floor.name, FLOORS[below].name
        ));
    }
    if let Some((.., why)) = WALLS.iter().find(|(name, room, _)| *name == floor.name && *room == to)
    {
        return Some(format!("`{from}` ({}) sees `{to}`: {why}", floor.name));
    }
    let in_order = |group: &&[&str]| {
        let place = |room| group.iter().position(|member| *member == room);
        matches!((place(from), place(to)), (Some(from), Some(to)) if from < to)
    };
    if below == above && !floor.groups.iter().any(in_order) {
        return Some(format!(
            "`{from}` sees `{to}` on its own floor ({}), against its order",
            floor.name
        ));
    }
    None
}
