//! Bodies of requests, as servers read them.
