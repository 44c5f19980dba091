//! The parameters after the question mark of a database URL.

use url::Url;

/// The parameters of a URL, decoded as the drivers decode them.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(url: &str) -> Self {
        let url = Url::parse(url);
        let pairs = url.iter().flat_map(|url| url.query_pairs().into_owned());
        Self(pairs.collect())
    }

    /// Returns the last value under one of these names, which is the one that the drivers use.
    pub(super) fn last(&self, names: &[&str]) -> Option<&str> {
        let mut pairs = self.0.iter().rev();
        let found = pairs.find(|(name, _)| names.contains(&name.as_str()));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the name and the value of a parameter that names a schema for other tools and that sqlx does not read.
    pub(super) fn unread_schema(&self) -> Option<(&str, &str)> {
        const NAMES: [&str; 4] = ["schema", "currentschema", "searchpath", "defaultschema"];
        let mut pairs = self.0.iter();
        let found = pairs.find(|(name, _)| {
            let plain = name.to_ascii_lowercase().replace(['_', '-'], "");
            NAMES.contains(&plain.as_str())
        });
        found.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Returns the first parameter that makes the URL wrong, if the URL without parameters is right.
pub(super) fn wrong_one(url: &str, is_wrong: impl Fn(&str) -> bool) -> Option<String> {
    let all = Url::parse(url).ok()?;
    let mut alone = all.clone();
    alone.set_query(None);
    if is_wrong(alone.as_str()) {
        return None;
    }
    let mut names = all.query_pairs().filter_map(|(name, value)| {
        alone.query_pairs_mut().clear().append_pair(&name, &value);
        is_wrong(alone.as_str()).then(|| name.into_owned())
    });
    names.next()
}

/// Returns the search path in PostgreSQL's start-up options (`-c search_path=a,b`, `--search-path=a`), if they set one.
pub(super) fn search_path(options: &str) -> Option<String> {
    let mut settings = words(options).into_iter().filter_map(|word| {
        let word = word
            .strip_prefix("--")
            .or(word.strip_prefix("-c"))
            .unwrap_or(&word);
        let (name, value) = word.split_once('=')?;
        let name = name.replace('-', "_");
        name.eq_ignore_ascii_case("search_path")
            .then(|| value.to_owned())
    });
    settings.next_back()
}

/// Splits the options as the server does: at each space that is not escaped with a backslash.
fn words(options: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = options.chars();
    while let Some(letter) = letters.next() {
        match (letter, words.last_mut()) {
            ('\\', Some(word)) => word.extend(letters.next()),
            (letter, Some(_)) if letter.is_whitespace() => words.push(String::new()),
            (letter, Some(word)) => word.push(letter),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the schemas of a search path, without their quotes.
pub(super) fn schemas(search_path: &str) -> Vec<String> {
    let schemas = search_path.split(',').map(|schema| {
        let schema = schema.trim();
        let quoted = schema
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        quoted.map_or_else(
            || schema.to_ascii_lowercase(),
            |name| name.replace("\"\"", "\""),
        )
    });
    schemas.filter(|schema| !schema.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_found_in_each_way_to_write_it() {
        for (options, found) in [
            ("-csearch_path=a", Some("a")),
            ("-c search_path=a", Some("a")),
            ("--search-path=a", Some("a")),
            ("-c SEARCH_PATH=a,\\ b -c geqo=off", Some("a, b")),
            ("-c search_path=a -c search_path=b", Some("b")),
            ("-c geqo=off", None),
            ("-c my.search_path=a", None),
        ] {
            assert_eq!(search_path(options).as_deref(), found, "{options}");
        }
        assert_eq!(schemas("a, \"B\"\"c\" ,D"), ["a", "B\"c", "d"]);
    }

    #[test]
    fn a_parameter_that_no_driver_reads_is_found() {
        for (url, found) in [
            (
                "postgres://h/d?currentSchema=a",
                Some(("currentSchema", "a")),
            ),
            (
                "postgres://h/d?sslmode=require&search_path=a%2Cb",
                Some(("search_path", "a,b")),
            ),
            ("postgres://h/d?options=-csearch_path%3Da", None),
            ("postgres://h/d?options[search_path]=a", None),
        ] {
            assert_eq!(Parameters::of(url).unread_schema(), found, "{url}");
        }
    }
}
