//! Detects from the source of a trigger whether it gives a column its value.

/// Returns whether a source assigns to this column of the new row, in a language of any of the
/// engines.
pub(super) fn assigns(source: &str, column: &str) -> bool {
    let source = source.to_lowercase();
    let column = column.to_lowercase();
    let tokens = tokens(&source);
    let is_column = |token: &str| token.trim_matches(QUOTES) == column;
    let named = (0..tokens.len()).filter(|at| is_column(tokens[*at]));
    let before = |at: usize, back: usize| at.checked_sub(back).map_or("", |at| tokens[at]);
    let mut named = named.map(|at| {
        let next = tokens.get(at + 1).copied().unwrap_or_default();
        match (before(at, 2), before(at, 1)) {
            ("new", ".") => {
                let first = before(at, 3);
                next == ":=" || BEGIN_A_TARGET.contains(&first) && next == "=" || first == "into"
            }
            // A key of the row as a map, or the name passed to a function that fills any column: an
            // argument of the trigger follows its source.
            _ => {
                let comes_first = before(at, 1);
                tokens[at].starts_with('\'')
                    && (BEFORE_A_KEY.contains(&comes_first) || comes_first.starts_with('\''))
                    || comes_first == "{" && next == "}"
            }
        }
    });
    named.any(|fills| fills)
}

const QUOTES: [char; 3] = ['"', '`', '\''];

/// Tokens that come before the target of an assignment with `=`, and not before a comparison.
const BEGIN_A_TARGET: [&str; 9] = ["", ";", "begin", "then", "else", "loop", "set", ",", "{"];

/// Tokens that come before a text that names a column, and not before one that is a message.
const BEFORE_A_KEY: [&str; 5] = ["", "(", ",", ";", "end"];

/// Splits a source into words, quoted names and texts, `:=`, and each other character.
fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if is_of_word(first) {
            rest.find(|letter| !is_of_word(letter))
                .unwrap_or(rest.len())
        } else if QUOTES.contains(&first) {
            rest[1..].find(first).map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with(":=") {
            2
        } else {
            first.len_utf8()
        };
        let (token, more) = rest.split_at(length);
        if !token.starts_with("--") && !token.starts_with("/*") {
            tokens.push(token);
        }
        rest = more.trim_start();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_to_the_new_row_gives_a_column_its_value() {
        for source in [
            "BEGIN NEW.model := 'v1'; RETURN NEW; END",
            "BEGIN IF NEW.model IS NULL THEN NEW.model = 'v1'; END IF; RETURN NEW; END",
            "begin new.\"model\" := 'v1'; return new; end",
            "SELECT name INTO NEW.model FROM models",
            "SET NEW.model = 'v1'",
            "SET NEW.page = 1, NEW.`model` = 'v1'",
            "BEGIN NEW := NEW #= hstore('model', 'v1'); RETURN NEW; END",
            "BEGIN RETURN jsonb_populate_record(NEW, '{\"page\": 1}') #= 'x' || '{model}'; NEW.model := 1; END",
            " 'model' ''",
            "BEGIN RETURN fill(NEW); END 'model'",
        ] {
            assert!(assigns(source, "model"), "{source}");
        }
    }

    #[test]
    fn a_source_that_reads_a_column_gives_it_no_value() {
        for source in [
            "BEGIN IF NEW.model = 'v1' THEN RETURN NULL; END IF; RETURN NEW; END",
            "BEGIN IF NEW.model IS NULL THEN RAISE EXCEPTION 'the model is missing'; END IF; END",
            "BEGIN -- NEW.model := 'v1';\n RETURN NEW; END",
            "BEGIN /* NEW.model := 'v1'; */ RETURN NEW; END",
            "BEGIN RAISE EXCEPTION 'model'; END",
            "SET NEW.models = 'v1'",
            "INSERT INTO log VALUES (NEW.model)",
            "",
        ] {
            assert!(!assigns(source, "model"), "{source}");
        }
    }
}
