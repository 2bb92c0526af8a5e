//! What APIs charge: the dated, sourced price book.
