//! Support for the whole-workspace tests.
