//! What the environment and the nearest `.env` say. The environment wins; set to nothing is unset.

use std::{collections::HashMap, env, path::PathBuf};

use super::error::CliError;

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

    /// A value that is given elsewhere, or the one in the file.
    fn or(&self, given: Option<String>, name: &str) -> Option<String> {
        present(given).or_else(|| present(self.variables.get(name).cloned()))
    }

    /// The URL; where it is the file's own, be it that sea-orm-cli has passed it on, with its folder.
    pub(super) fn url(&self, given: Option<String>) -> Result<Url, CliError> {
        const NAME: &str = "DATABASE_URL";
        let text = self.or(given, NAME).ok_or(CliError::UrlMissing)?;
        let is_own = self.variables.get(NAME) == Some(&text);
        let folder = self.folder.clone().filter(|_| is_own);
        Ok(Url { text, folder })
    }
}

fn present(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}
