//! Anything that answers a request.
