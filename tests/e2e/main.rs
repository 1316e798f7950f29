//! Stories, end to end, against the real binaries.
