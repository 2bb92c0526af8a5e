//! What GPUs are and what they rent for: dated, sourced books.
