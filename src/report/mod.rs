//! Outlets: tables, JSON, CSV, Markdown. No decisions.
