//! Makes `data/prices.jsonl`, the book inside the program, from snapshots of public price books:
//!
//! ```text
//! cargo run --example make_prices -- SNAPSHOTS data/prices.jsonl
//! ```
//!
//! Not needed to build or run mtok. `make data` does this; `tests/books.rs` holds the committed
//! file to it.

mod snapshot;

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out] = arguments.as_slice() else {
        return Err("usage: make_prices SNAPSHOTS OUT".into());
    };
    fs_err::write(out, snapshot::make(Path::new(folder))?)?;
    Ok(())
}
