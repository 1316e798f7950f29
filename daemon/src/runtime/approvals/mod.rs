//! What runs ask of people: the documents, who may answer, the answer, standing answers (rules), questions about it.
//!
//! An approval's document has one writer, its run's driver; everything here goes through it.

pub(crate) mod asked;
pub(crate) mod decide;
pub(crate) mod deciders;
pub(crate) mod links;
pub(crate) mod on_the_way;
pub(crate) mod papers;
pub(crate) mod questions;
pub(crate) mod rules;
pub(crate) mod simulate;
pub(crate) mod tell;
