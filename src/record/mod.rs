//! The run record: plain data that the measuring leg writes and the judging leg reads.
