//! The positions of the parts of SQLite's CREATE TABLE, so that one part of the text can be changed
//! and every other stays as it is written.

use std::ops::Range;

use super::token::{Token, tokens};

/// A parsed statement. Ranges are of bytes in the text.
#[derive(Debug)]
pub(super) struct Definition {
    /// The table's own name.
    pub(super) name: Range<usize>,
    pub(super) columns: Vec<Column>,
    pub(super) constraints: Vec<TableConstraint>,
    /// The position after the last word between the parentheses.
    pub(super) end: usize,
    /// WITHOUT ROWID, with its comma.
    pub(super) without_rowid: Option<Range<usize>>,
    pub(super) is_auto_increment: bool,
    /// Whether an expression names a column by its table, with a dot between them.
    pub(super) names_itself: bool,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// The type; empty, after the name, if there is none.
    pub(super) kind: Range<usize>,
    pub(super) constraints: Vec<Constraint>,
}

#[derive(Debug)]
pub(super) struct Constraint {
    pub(super) kind: ConstraintKind,
    /// CONSTRAINT and the name.
    pub(super) label: Option<Range<usize>>,
    /// The constraint with its label.
    pub(super) span: Range<usize>,
    /// ON CONFLICT and its action.
    pub(super) on_conflict: Option<Range<usize>>,
}

#[derive(Debug)]
pub(super) enum ConstraintKind {
    PrimaryKey,
    NotNull,
    Null,
    Unique,
    References(Reference),
    /// CHECK, DEFAULT, COLLATE, the expression of a generated column, and the timing of a key.
    Kept,
}

impl Constraint {
    pub(super) fn reference(&self) -> Option<&Reference> {
        match &self.kind {
            ConstraintKind::References(reference) => Some(reference),
            ConstraintKind::PrimaryKey
            | ConstraintKind::NotNull
            | ConstraintKind::Null
            | ConstraintKind::Unique
            | ConstraintKind::Kept => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct TableConstraint {
    pub(super) constraint: Constraint,
    /// The columns of a foreign key.
    pub(super) columns: Vec<String>,
    /// The comma before it.
    pub(super) comma: Option<Range<usize>>,
}

/// The part after REFERENCES.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) table: String,
    /// The name of the table.
    pub(super) name: Range<usize>,
    /// The position after the table and its columns, where an action may stand.
    pub(super) actions: usize,
    /// The actions of ON DELETE.
    pub(super) on_delete: Vec<Range<usize>>,
}

impl Definition {
    pub(super) fn references(&self) -> impl Iterator<Item = &Reference> {
        let of_columns = self.columns.iter().flat_map(|column| &column.constraints);
        let of_table = self.constraints.iter().map(|one| &one.constraint);
        of_columns.chain(of_table).filter_map(Constraint::reference)
    }

    /// Parses a statement; `None` if the text is not parsed to its end.
    pub(super) fn parse(sql: &str) -> Option<Self> {
        let tokens = tokens(sql);
        let names = |token: &Token| token.name().map(str::to_owned);
        let mut reader = Reader {
            tokens: &tokens,
            at: 0,
        };
        reader.words(&["CREATE", "TABLE"])?;
        let name = reader.next()?;
        let own = names(name)?;
        let name = name.span.clone();
        let body = reader.sign('(')?;
        let mut definition = Self {
            name,
            columns: vec![reader.column()?],
            constraints: Vec::new(),
            end: body.end,
            without_rowid: None,
            is_auto_increment: tokens.iter().any(|token| token.is("AUTOINCREMENT")),
            names_itself: tokens
                .windows(2)
                .any(|two| two[0].is_named(&own) && two[1].is_sign('.')),
        };
        loop {
            let comma = reader.sign(',');
            if reader.begins_a_table_constraint() {
                definition.constraints.push(reader.table_constraint(comma)?);
            } else if comma.is_some() && definition.constraints.is_empty() {
                definition.columns.push(reader.column()?);
            } else {
                break;
            }
        }
        definition.end = reader.behind();
        reader.sign(')')?;
        definition.without_rowid = reader.options()?;
        Some(definition)
    }
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
}

/// Words that end a column's type, and that are no name without quotes.
const OF_A_COLUMN: [&str; 11] = [
    "CONSTRAINT",
    "PRIMARY",
    "NOT",
    "NULL",
    "UNIQUE",
    "CHECK",
    "DEFAULT",
    "COLLATE",
    "REFERENCES",
    "AS",
    "DEFERRABLE",
];

const OF_A_TABLE: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'t Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// Returns the position after the last token that was read.
    fn behind(&self) -> usize {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(0, |last| last.span.end)
    }

    fn sign(&mut self, sign: char) -> Option<Range<usize>> {
        self.peek().filter(|token| token.is_sign(sign))?;
        self.next().map(|token| token.span.clone())
    }

    /// Reads these words in a row, or nothing.
    fn words(&mut self, words: &[&str]) -> Option<Range<usize>> {
        let found = self.tokens.get(self.at..self.at + words.len())?;
        let are_these = found.iter().zip(words).all(|(token, word)| token.is(word));
        let (first, last) = (found.first()?, found.last()?);
        let span = first.span.start..last.span.end;
        are_these.then(|| self.at += words.len())?;
        Some(span)
    }

    fn name(&mut self) -> Option<&'t str> {
        self.next()?.name()
    }

    fn begins(&self, words: &[&str]) -> bool {
        let is_one = |token: &Token| words.iter().any(|word| token.is(word));
        self.peek().is_some_and(is_one)
    }

    fn begins_a_table_constraint(&self) -> bool {
        self.begins(&OF_A_TABLE)
    }

    /// Reads what stands between parentheses, whatever it is.
    fn parenthesis(&mut self) -> Option<()> {
        self.sign('(')?;
        let mut depth = 1;
        while depth > 0 {
            let token = self.next()?;
            depth += i32::from(token.is_sign('('));
            depth -= i32::from(token.is_sign(')'));
        }
        Some(())
    }

    fn column(&mut self) -> Option<Column> {
        let name = self.name()?.to_owned();
        let mut kind = self.behind()..self.behind();
        while let Some(token) = self.peek() {
            let is_generated = token.is("GENERATED")
                && self
                    .tokens
                    .get(self.at + 1)
                    .is_some_and(|next| next.is("ALWAYS"));
            if token.name().is_none() || is_generated || self.begins(&OF_A_COLUMN) {
                break;
            }
            self.at += 1;
            if kind.is_empty() {
                kind.start = token.span.start;
            }
            kind.end = token.span.end;
        }
        if !kind.is_empty() && self.peek().is_some_and(|token| token.is_sign('(')) {
            self.parenthesis()?;
            kind.end = self.behind();
        }
        let mut constraints = Vec::new();
        while self.peek().is_some_and(|token| token.name().is_some()) {
            constraints.push(self.constraint(Self::column_constraint)?);
        }
        Some(Column {
            name,
            kind,
            constraints,
        })
    }

    fn table_constraint(&mut self, comma: Option<Range<usize>>) -> Option<TableConstraint> {
        let mut columns = Vec::new();
        let constraint = self.constraint(|reader| {
            if reader.words(&["PRIMARY", "KEY"]).is_some() {
                reader.parenthesis()?;
                Some(ConstraintKind::PrimaryKey)
            } else if reader.words(&["UNIQUE"]).is_some() {
                reader.parenthesis()?;
                Some(ConstraintKind::Unique)
            } else if reader.words(&["CHECK"]).is_some() {
                reader.parenthesis()?;
                Some(ConstraintKind::Kept)
            } else {
                reader.words(&["FOREIGN", "KEY"])?;
                columns = reader.names()?;
                reader.words(&["REFERENCES"])?;
                let reference = reader.reference()?;
                // A constraint of a column is a constraint by itself.
                reader.deferral();
                Some(ConstraintKind::References(reference))
            }
        })?;
        Some(TableConstraint {
            constraint,
            columns,
            comma,
        })
    }

    fn constraint(
        &mut self,
        kind: impl FnOnce(&mut Self) -> Option<ConstraintKind>,
    ) -> Option<Constraint> {
        let start = self.peek()?.span.start;
        let label = match self.words(&["CONSTRAINT"]) {
            Some(word) => {
                self.name()?;
                Some(word.start..self.behind())
            }
            None => None,
        };
        let kind = kind(self)?;
        let on_conflict = match self.words(&["ON", "CONFLICT"]) {
            Some(words) => {
                self.next()?;
                Some(words.start..self.behind())
            }
            None => None,
        };
        // AUTOINCREMENT follows a key that numbers its rows.
        self.words(&["AUTOINCREMENT"]);
        Some(Constraint {
            kind,
            label,
            span: start..self.behind(),
            on_conflict,
        })
    }

    fn column_constraint(&mut self) -> Option<ConstraintKind> {
        if self.words(&["PRIMARY", "KEY"]).is_some() {
            let _ = self.words(&["ASC"]).or_else(|| self.words(&["DESC"]));
            return Some(ConstraintKind::PrimaryKey);
        }
        if self.words(&["NOT", "NULL"]).is_some() {
            return Some(ConstraintKind::NotNull);
        }
        if self.words(&["NULL"]).is_some() {
            return Some(ConstraintKind::Null);
        }
        if self.words(&["UNIQUE"]).is_some() {
            return Some(ConstraintKind::Unique);
        }
        if self.words(&["REFERENCES"]).is_some() {
            return self.reference().map(ConstraintKind::References);
        }
        if self.words(&["CHECK"]).is_some() {
            self.parenthesis()?;
        } else if self.words(&["COLLATE"]).is_some() {
            self.name()?;
        } else if self.words(&["DEFAULT"]).is_some() {
            self.default()?;
        } else if !self.deferral() {
            self.words(&["GENERATED", "ALWAYS"]);
            self.words(&["AS"])?;
            self.parenthesis()?;
            let _ = self.words(&["STORED"]).or_else(|| self.words(&["VIRTUAL"]));
        }
        Some(ConstraintKind::Kept)
    }

    fn default(&mut self) -> Option<()> {
        if self.peek()?.is_sign('(') {
            return self.parenthesis();
        }
        while self.sign('+').or_else(|| self.sign('-')).is_some() {}
        self.next().map(|_| ())
    }

    fn deferral(&mut self) -> bool {
        let is_there = self
            .words(&["NOT", "DEFERRABLE"])
            .or_else(|| self.words(&["DEFERRABLE"]))
            .is_some();
        if is_there {
            let _ = self
                .words(&["INITIALLY", "DEFERRED"])
                .or_else(|| self.words(&["INITIALLY", "IMMEDIATE"]));
        }
        is_there
    }

    fn names(&mut self) -> Option<Vec<String>> {
        self.sign('(')?;
        let mut names = vec![self.name()?.to_owned()];
        while self.sign(',').is_some() {
            names.push(self.name()?.to_owned());
        }
        self.sign(')')?;
        Some(names)
    }

    fn reference(&mut self) -> Option<Reference> {
        let name = self.next()?;
        let table = name.name()?.to_owned();
        if self.peek().is_some_and(|token| token.is_sign('(')) {
            self.names()?;
        }
        let mut reference = Reference {
            table,
            name: name.span.clone(),
            actions: self.behind(),
            on_delete: Vec::new(),
        };
        loop {
            if self.words(&["MATCH"]).is_some() {
                self.name()?;
            } else if self.words(&["ON", "DELETE"]).is_some() {
                reference.on_delete.push(self.action()?);
            } else if self.words(&["ON", "UPDATE"]).is_some()
                || self.words(&["ON", "INSERT"]).is_some()
            {
                self.action()?;
            } else {
                return Some(reference);
            }
        }
    }

    fn action(&mut self) -> Option<Range<usize>> {
        let actions: [&[&str]; 5] = [
            &["SET", "NULL"],
            &["SET", "DEFAULT"],
            &["CASCADE"],
            &["RESTRICT"],
            &["NO", "ACTION"],
        ];
        actions.into_iter().find_map(|action| self.words(action))
    }

    /// Reads from the end of the columns to the end of the statement. The outer `None` means that
    /// the text is not understood.
    fn options(&mut self) -> Option<Option<Range<usize>>> {
        let mut without_rowid = None;
        let mut comma: Option<Range<usize>> = None;
        while self.peek().is_some() {
            if let Some(words) = self.words(&["WITHOUT", "ROWID"]) {
                let next = self.sign(',');
                let start = comma.as_ref().map_or(words.start, |comma| comma.start);
                // One comma is removed with it, and one stays between the others.
                let end = match (&comma, &next) {
                    (None, Some(next)) => next.end,
                    _ => words.end,
                };
                without_rowid = Some(start..end);
                comma = next;
            } else {
                self.words(&["STRICT"])?;
                comma = self.sign(',');
            }
        }
        match comma {
            Some(_) => None,
            None => Some(without_rowid),
        }
    }
}
