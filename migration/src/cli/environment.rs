//! What the environment and the nearest `.env` say. The environment wins; set to nothing is unset.

use converge::Engine;
use std::{collections::HashMap, env, path::PathBuf};

use super::error::CliError;
use crate::{CreateDocuments, Runner};

/// The nearest `.env`, in this folder or above.
pub(super) struct Dotenv {
    folder: Option<PathBuf>,
    variables: HashMap<String, String>,
}

/// Which database to work on, as it was named.
#[derive(Clone)]
pub(super) struct Url {
    pub(super) text: String,
    /// What a relative path in it is relative to, where that is not the current folder.
    pub(super) folder: Option<PathBuf>,
}

impl Dotenv {
    pub(super) fn read() -> Result<Self, CliError> {
        let here = env::current_dir().unwrap_or_default();
        let nearest = here.ancestors().map(|folder| folder.join(".env"));
        let Some(path) = nearest.into_iter().find(|path| path.is_file()) else {
            return Ok(Self {
                folder: None,
                variables: HashMap::new(),
            });
        };
        Ok(Self {
            folder: path.parent().map(PathBuf::from),
            variables: dotenvy::from_path_iter(&path)
                .and_then(Iterator::collect)
                .map_err(|error| CliError::dotenv(&error))?,
        })
    }

    /// PostgreSQL's schema.
    pub(super) fn schema(&self, given: Option<String>) -> Result<String, CliError> {
        match self.or(given, "DATABASE_SCHEMA") {
            Some(schema) if schema.contains("://") => Err(CliError::SchemaIsUrl),
            schema => Ok(schema.unwrap_or("public".to_owned())),
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
        let text = self.or(given, NAME).ok_or(CliError::UrlMissing)?;
        let folder = self.folder_of(NAME, &text);
        Ok(Url { text, folder })
    }
}

fn present(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}
