//! Downloads by URL, hub or pip, with checksums. Knows no model and no price.
