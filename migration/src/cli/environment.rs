//! What the environment and the nearest `.env` say. The environment wins; set to nothing is unset.

use std::{collections::HashMap, env, path::PathBuf};

use converge::Engine;

use super::{
    dotenv::{self, Damage},
    error::CliError,
};
use crate::{CreateDocuments, Runner};

/// The variables of the nearest `.env`. None where there is no such file.
#[derive(Default)]
pub(super) struct Dotenv {
    folder: Option<PathBuf>,
    variables: HashMap<String, String>,
    damage: Option<Damage>,
}

/// Which database to work on, as it was named.
#[derive(Clone)]
pub(super) struct Url {
    pub(super) text: String,
    /// What a relative path in it is relative to, where that is not the current folder.
    pub(super) folder: Option<PathBuf>,
}

impl Dotenv {
    pub(super) fn read() -> Self {
        let Some(file) = dotenv::nearest() else {
            return Self::default();
        };
        Self {
            folder: file.path.parent().map(PathBuf::from),
            variables: file.variables,
            damage: file.damage,
        }
    }

    /// Why the rest of the file is not read. It stops only a command that needs the file for its URL.
    pub(super) fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// PostgreSQL's schema, where one is named apart from the URL.
    pub(super) fn schema(&self, given: Option<String>) -> Result<Option<String>, CliError> {
        match self.or(given, "DATABASE_SCHEMA") {
            Some(schema) if schema.contains("://") => Err(CliError::SchemaIsUrl),
            schema => Ok(schema),
        }
    }

    /// The table of the records, where one is named.
    pub(super) fn migration_table(&self, given: Option<String>) -> Option<String> {
        self.or(given, "MIGRATION_TABLE")
    }

    /// Where a `documents` may be made. A relative path starts where that of a URL does.
    pub(super) fn create_documents(&self, backend: Engine) -> CreateDocuments {
        let named = self.or(
            env::var(Runner::CREATE_DOCUMENTS_IN).ok(),
            Runner::CREATE_DOCUMENTS_IN,
        );
        let folder = |name: &String| self.folder_of(Runner::CREATE_DOCUMENTS_IN, name);
        match (named, backend) {
            (None, _) => CreateDocuments::Nowhere,
            (Some(name), Engine::Sqlite) => CreateDocuments::In(match folder(&name) {
                Some(folder) => folder.join(name).to_string_lossy().into_owned(),
                None => name,
            }),
            (Some(name), _) => CreateDocuments::In(name),
        }
    }

    /// The file's folder, where the value is the file's own, be it that sea-orm-cli has passed it on.
    fn folder_of(&self, name: &str, value: &String) -> Option<PathBuf> {
        let is_own = self.variables.get(name) == Some(value);
        self.folder.clone().filter(|_| is_own)
    }

    /// A value that is given elsewhere, or the one in the file.
    fn or(&self, given: Option<String>, name: &str) -> Option<String> {
        present(given).or_else(|| present(self.variables.get(name).cloned()))
    }

    /// The URL; where it is the file's own, with its folder.
    pub(super) fn url(&self, given: Option<String>) -> Result<Url, CliError> {
        const NAME: &str = "DATABASE_URL";
        if let (None, Some(damage)) = (present(given.clone()), &self.damage) {
            return Err(CliError::Dotenv(damage.clone()));
        }
        let text = self.or(given, NAME).ok_or(CliError::UrlMissing)?;
        let folder = self.folder_of(NAME, &text);
        Ok(Url { text, folder })
    }
}

fn present(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}
