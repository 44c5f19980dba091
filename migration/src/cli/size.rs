//! Sizes in bytes, as they are written on the command line.

/// The units, each with its number of bytes, the largest first.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// Parses a whole number with an optional unit, and returns bytes.
///
/// # Errors
///
/// A sentence that shows how a size is written.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit = unit.trim();
    let bytes = match unit {
        "" => Some(1),
        unit => {
            let mut units = UNITS.iter();
            let found = units.find(|(name, _)| name.eq_ignore_ascii_case(unit));
            found.map(|(_, bytes)| *bytes)
        }
    };
    match (number.parse::<u64>(), bytes) {
        (Ok(number), Some(bytes)) => number
            .checked_mul(bytes)
            .ok_or_else(|| format!("the largest size is {}", show(u64::MAX))),
        _ => Err(
            "write a whole number of bytes, or of KB, MB, GB, TB, KiB, MiB, GiB or TiB, for example 512MiB or 10GB".to_owned(),
        ),
    }
}

/// Returns a size in the largest unit in which it is a whole number.
pub(super) fn show(bytes: u64) -> String {
    let is_whole = |(_, unit): &&(&str, u64)| bytes >= *unit && bytes.is_multiple_of(*unit);
    match UNITS.iter().find(is_whole) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("7B", 7),
            ("512MiB", 512 << 20),
            ("10GB", 10_000_000_000),
            ("1 gib", 1 << 30),
            ("2kb", 2000),
            ("3TiB", 3 << 40),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_how_one_is_written() {
        for text in [
            "",
            "GiB",
            "-1",
            "1.5GiB",
            "1G",
            "10 gigabytes",
            "1e9",
            "99999999999TiB",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_shown_in_its_largest_whole_unit() {
        for (bytes, shown) in [
            (0, "0B"),
            (1 << 30, "1GiB"),
            (1536 << 20, "1536MiB"),
            (10_000_000_000, "10GB"),
            (1001, "1001B"),
        ] {
            assert_eq!(show(bytes), shown);
        }
    }
}
