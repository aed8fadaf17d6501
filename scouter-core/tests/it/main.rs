//! Tests of the recorder from outside. Forbidding `unsafe` here also proves that applications may.
#![forbid(unsafe_code)]

mod basics;
