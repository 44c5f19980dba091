//! One word for one thing: what the product prints and documents uses the words of the pages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    engines::workspace,
    programs::{migration, run},
};

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        ("words::the_help_uses_the_words_of_the_pages", help),
        ("words::messages_use_the_words_of_the_pages", messages),
        ("words::the_pages_use_one_word_for_one_thing", pages),
        (
            "words::words_and_string_literals_are_found_in_a_text",
            finding,
        ),
    ]
}

/// Words that are not used, and the words to use instead. A word counts as a whole word, in any
/// case. If it has another meaning that is in use, only a phrase of it stands here.
const NOT_BUT: [(&[&str], &str); 13] = [
    (
        &[
            "take turns",
            "takes turns",
            "its turn",
            "their turn",
            "the turn",
            "a turn",
            "migrator's turn",
        ],
        "migration lock, acquire, release",
    ),
    (
        &[
            "could not look at",
            "look again",
            "looks again",
            "looked again",
            "looking again",
            "look at",
            "looks at",
            "looked at",
            "looking at",
        ],
        "inspect; inspection",
    ),
    (&["mend", "mends", "mended", "mending"], "fix, repair"),
    (
        &["somebody", "somebody else's", "whoever"],
        "another session, the user who …",
    ),
    (&["beside"], "next to, concurrently with"),
    (&["said", "say it", "says nothing"], "reported, print"),
    (&["unanswered"], "CommitUnknown"),
    (
        &["another author's", "other authors'"],
        "external migration",
    ),
    (
        &["take back", "takes back", "taken back", "took back"],
        "undo",
    ),
    (
        &["become other", "becomes other", "became other"],
        "changed, differs",
    ),
    (&["the same once more"], "again"),
    (&["for how long"], "how long"),
    (&["as far as no"], "that needs no"),
];

/// The sources whose string literals are printed.
const SOURCES: [&str; 3] = ["migration/src", "migration/converge/src", "entity/src"];

/// The start of a part of a file that is not part of the product.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

fn help() {
    let help = run(migration().arg("--help")).expect_success();
    let commands = help.split_once("\nCommands:\n").expect("a list").1;
    let commands: Vec<&str> = commands
        .lines()
        .map_while(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"repair"), "{help}");
    require(&help, "--help");
    for command in commands.into_iter().filter(|one| *one != "help") {
        let help = run(migration().args([command, "--help"])).expect_success();
        require(&help, &format!("{command} --help"));
    }
}

fn messages() {
    for folder in SOURCES {
        let sources = files(&workspace().join(folder), "rs");
        assert!(sources.len() > 3, "{folder}");
        for file in sources {
            let source = text(&file);
            let source = source.split(TESTS).next().unwrap_or_default();
            for literal in literals(source) {
                require(&literal, &file.display().to_string());
            }
        }
        for template in files(&workspace().join(folder), "template") {
            require(&text(&template), &template.display().to_string());
        }
    }
}

fn pages() {
    let mut pages = files(&workspace().join("docs"), "md");
    pages.extend(["README.md", "CONTRIBUTING.md"].map(|page| workspace().join(page)));
    for page in pages {
        require(&prose(&text(&page)), &page.display().to_string());
    }
    let changelog = workspace().join("CHANGELOG.md");
    // Its code may contain former names, so it is left out.
    let without_code: String = text(&changelog).split('`').step_by(2).collect();
    require(&without_code, &changelog.display().to_string());
}

fn finding() {
    assert_eq!(misused("Whoever\n  waits"), Some(("whoever", NOT_BUT[3].1)));
    assert_eq!(
        misused("two migrators take\nturns"),
        Some(("take turns", NOT_BUT[0].1))
    );
    assert_eq!(
        misused("turns each page, amendments, in turn, said_so"),
        None
    );
    let source = "// \"a\"\nf('\"', b'\\'', \"b \\\" \\\n   c\", r#\"d\"e\"#, r\"f\"); fn g<'h>(_: &'h str) {} /* \"i\" */";
    assert_eq!(literals(source), ["b \" c", "d\"e", "f"]);
    assert_eq!(prose("a\n```sh\nb\n```\nc\n"), "a\nc\n");
}

#[track_caller]
fn require(text: &str, place: &str) {
    let text = on_one_line(text);
    if let Some((word, instead)) = misused(&text) {
        panic!(
            "{place}: {word:?} is not used, but: {instead}: {}",
            around(&text, word)
        );
    }
}

/// Returns the first word of the table in a text, and what to write instead.
fn misused(text: &str) -> Option<(&'static str, &'static str)> {
    let text = on_one_line(text);
    let mut words = NOT_BUT
        .iter()
        .flat_map(|(words, instead)| words.iter().map(move |word| (*word, *instead)));
    words.find(|(word, _)| has_word(&text, word))
}

fn on_one_line(text: &str) -> String {
    let text = text.to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the text with the word and some words before and after it.
fn around(text: &str, word: &str) -> String {
    const WORDS: usize = 8;
    let (before, after) = text.split_once(word).unwrap_or((text, ""));
    let before: Vec<&str> = before.split(' ').collect();
    let before = &before[before.len().saturating_sub(WORDS)..];
    let after: Vec<&str> = after.split(' ').take(WORDS).collect();
    format!("… {}{word}{} …", before.join(" "), after.join(" "))
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part_of_a_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part_of_a_word) && !after.is_some_and(is_part_of_a_word)
    })
}

/// Returns a page without its blocks of code.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let lines = page.split_inclusive('\n').filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_fence && !is_code
    });
    lines.collect()
}

/// Returns the string literals of a Rust source, without its comments.
fn literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut rest = source;
    while let Some(letter) = rest.chars().next() {
        rest = if rest.starts_with("//") {
            rest.find('\n').map_or("", |end| &rest[end..])
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or("", |end| &rest[end + 2..])
        } else if let Some((literal, after)) = raw_string(rest) {
            literals.push(literal.to_owned());
            after
        } else if let Some(string) = rest.strip_prefix('"') {
            let (literal, after) = string_up_to_its_end(string);
            literals.push(literal);
            after
        } else if let Some(after) = character(rest) {
            after
        } else {
            &rest[letter.len_utf8()..]
        };
    }
    literals
}

fn raw_string(source: &str) -> Option<(&str, &str)> {
    let opening = source.strip_prefix('r')?;
    let string = opening.trim_start_matches('#');
    let end = format!("\"{}", &opening[..opening.len() - string.len()]);
    string.strip_prefix('"')?.split_once(&end)
}

/// Returns the text of a string literal, whose lines are joined, and what follows the literal.
fn string_up_to_its_end(string: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut rest = string;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '"' => break,
            '\\' => {
                let escaped = rest.chars().next().unwrap_or_default();
                rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                match escaped {
                    '\n' => rest = rest.trim_start(),
                    'n' | 't' => literal.push(' '),
                    escaped => literal.push(escaped),
                }
            }
            letter => literal.push(letter),
        }
    }
    (literal, rest)
}

/// Returns what follows a literal of one character. A lifetime is none.
fn character(source: &str) -> Option<&str> {
    let inner = source.strip_prefix('\'')?;
    match inner.strip_prefix('\\') {
        Some(escaped) => {
            let first = escaped.chars().next()?;
            let rest = &escaped[first.len_utf8()..];
            rest.split_once('\'').map(|(_, after)| after)
        }
        None => {
            let first = inner.chars().next()?;
            inner[first.len_utf8()..].strip_prefix('\'')
        }
    }
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Returns the files below a folder that have this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path, extension),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|one| one == extension))
        .collect()
}
