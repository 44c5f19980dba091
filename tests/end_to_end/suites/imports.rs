//! The modules of each crate import downwards only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::engines::workspace;

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![("imports::no_modules_import_each_other_in_a_circle", circles)]
}

/// The part of a file that is not part of the crate that others build.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

fn circles() {
    for sources in ["migration/converge/src", "migration/src", "entity/src"] {
        let mut above = imports(&workspace().join(sources));
        assert!(above.len() > 3, "{sources}: {above:?}");
        // A module that imports none of those that are left is below them all.
        while let Some(lowest) = lowest(&above) {
            above.remove(&lowest);
        }
        assert!(above.is_empty(), "{sources}: in a circle: {above:#?}");
    }
}

fn lowest(above: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let mut modules = above.iter();
    let found = modules.find(|(_, imports)| !imports.iter().any(|one| above.contains_key(one)));
    found.map(|(module, _)| module.clone())
}

/// Returns what each module of the first level imports of the others.
fn imports(sources: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(sources) {
        let within = file.strip_prefix(sources).expect("below the sources");
        let first = within.iter().next().expect("a name");
        let module = first.to_string_lossy().replace(".rs", "");
        let named = names_after(&text(&file), "crate::").collect::<Vec<_>>();
        all.entry(module).or_default().extend(named);
    }
    for root in ["lib", "main"] {
        all.remove(root);
    }
    let exported = exports(&text(&sources.join("lib.rs")));
    let modules: BTreeSet<String> = all.keys().cloned().collect();
    for (module, names) in &mut all {
        let others = names.iter().map(|name| match modules.contains(name) {
            true => name,
            false => exported.get(name).unwrap_or(name),
        });
        *names = others.filter(|name| *name != module).cloned().collect();
    }
    all
}

/// Returns the module of each name that the crate exports.
fn exports(lib: &str) -> BTreeMap<String, String> {
    let uses = lib.split(';').filter_map(|one| one.split_once("use "));
    let paths = uses.filter_map(|(_, path)| path.split_once("::"));
    let names =
        paths.flat_map(|(module, names)| first_names(names).map(|name| (name, module.to_owned())));
    names.collect()
}

/// Returns the names that follow this path, one or a list of them, wherever it stands.
fn names_after(source: &str, path: &str) -> impl Iterator<Item = String> {
    source.split(path).skip(1).flat_map(first_names)
}

fn first_names(names: &str) -> impl Iterator<Item = String> + use<> {
    let mut listed = vec![String::new()];
    let mut depth: u32 = 0;
    for letter in names.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth <= 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => listed.push(String::new()),
            ',' | ';' | ')' if depth == 0 => break,
            _ => listed.last_mut().expect("at least one").push(letter),
        }
    }
    listed.into_iter().map(|path| {
        let name = path
            .trim()
            .split(|one: char| !one.is_alphanumeric() && one != '_');
        name.into_iter().next().unwrap_or_default().to_owned()
    })
}

/// Returns a file without comments and tests.
fn text(file: &Path) -> String {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let text = text.split(TESTS).next().unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|one| one == "rs"))
        .collect()
}
