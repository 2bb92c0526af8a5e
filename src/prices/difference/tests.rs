//! Differences worked by hand, and what must hold of every difference.
