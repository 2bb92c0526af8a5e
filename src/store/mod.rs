//! Run records on disk: finding and reading them.
