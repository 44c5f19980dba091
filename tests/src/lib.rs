//! The code blocks of the documentation, compiled as documentation tests.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
