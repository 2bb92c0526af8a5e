//! Quantities with units, their arithmetic, parsing and display.
