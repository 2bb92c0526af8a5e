//! Streams as servers write them, and what they say.
