//! The settings of the environment and of the nearest `.env`. The environment takes precedence, and an empty variable
//! counts as not set.

use std::{collections::HashMap, env, path::PathBuf};

use converge::Engine;

use super::{
    dotenv::{self, Damage},
    error::CliError,
};
use crate::{CreateDocuments, Runner};

/// The variables of the nearest `.env`. Empty if there is no such file.
#[derive(Default)]
pub(super) struct Dotenv {
    folder: Option<PathBuf>,
    variables: HashMap<String, String>,
    damage: Option<Damage>,
}

/// The URL of the database, as it was given.
#[derive(Clone)]
pub(super) struct Url {
    pub(super) text: String,
    /// The folder at which a relative path starts, if that is not the current folder.
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

    /// Returns why the rest of the file is not read. That stops only a command that needs the file for its URL.
    pub(super) fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Returns PostgreSQL's schema, if one is named apart from the URL.
    pub(super) fn schema(&self, given: Option<String>) -> Result<Option<String>, CliError> {
        match self.or(given, "DATABASE_SCHEMA") {
            Some(schema) if schema.contains("://") => Err(CliError::SchemaIsUrl),
            schema => Ok(schema),
        }
    }

    /// Returns the name of the migration table, if one is given.
    pub(super) fn migration_table(&self, given: Option<String>) -> Option<String> {
        self.or(given, "MIGRATION_TABLE")
    }

    /// Returns where `documents` may be created. A relative path starts at the same folder as that of a URL.
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

    /// Returns the folder of `.env` if the value is the one in the file, even if sea-orm-cli has passed it on through the
    /// environment.
    fn folder_of(&self, name: &str, value: &String) -> Option<PathBuf> {
        let is_own = self.variables.get(name) == Some(value);
        self.folder.clone().filter(|_| is_own)
    }

    /// Returns the given value, or else the one in the file.
    fn or(&self, given: Option<String>, name: &str) -> Option<String> {
        present(given).or_else(|| present(self.variables.get(name).cloned()))
    }

    /// Returns the URL. If it comes from the file, its folder is the file's.
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
