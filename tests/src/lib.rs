//! The pictures of the documentation, its code blocks as documentation tests, and migrators of an application.

pub mod chained;
pub mod pictures;

macro_rules! pages {
    ($($name:ident: $path:literal),* $(,)?) => {
        $(#[cfg(doctest)] #[doc = include_str!($path)] struct $name;)*
    };
}

pages! {
    Readme: "../../README.md",
    Adopting: "../../docs/adopting.md",
    Operating: "../../docs/operating.md",
    Scale: "../../docs/scale.md",
    Services: "../../docs/services.md",
    Start: "../../docs/start.md",
    Store: "../../docs/store.md",
}
