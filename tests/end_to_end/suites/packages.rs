//! What the crates bring along when a service imports them, and how they fit next to its own.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::{
    engines::workspace,
    programs::{cargo, run},
    tier::Tier,
};

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        (
            "packages::the_library_brings_no_runtime_driver_or_command_line",
            migration,
        ),
        (
            "packages::the_entities_bring_no_runtime_and_no_driver",
            entity,
        ),
        (
            "packages::a_service_with_crates_of_the_same_names_takes_these_from_git",
            from_git,
        ),
        (
            "packages::a_service_with_crates_of_the_same_names_takes_these_from_beside_it",
            from_beside,
        ),
        (
            "packages::a_service_with_crates_of_the_same_names_takes_these_from_within_it",
            from_within,
        ),
    ]
}

const RUNTIMES_AND_DRIVERS: [&str; 9] = [
    "async-io",
    "async-std",
    "libsqlite3-sys",
    "native-tls",
    "rustls",
    "sqlx-mysql",
    "sqlx-postgres",
    "sqlx-sqlite",
    "tokio",
];

/// The crate reads the errors of any driver.
fn migration() {
    brings_none_of(
        "migration",
        &["--no-default-features"],
        &RUNTIMES_AND_DRIVERS,
    );
    brings_none_of(
        "migration",
        &["--no-default-features"],
        &["clap", "dotenvy", "sea-orm-cli"],
    );
}

fn entity() {
    brings_none_of("entity", &[], &RUNTIMES_AND_DRIVERS);
    brings_none_of("entity", &[], &["sea-orm-migration"]);
}

fn brings_none_of(package: &str, features: &[&str], unwanted: &[&str]) {
    let tree = run(cargo()
        .args(["tree", "--package", package])
        .args(features)
        .args(["--edges=normal", "--prefix=none", "--format={lib}"]))
    .expect_success();
    let libraries: Vec<String> = tree.lines().map(|line| line.replace('_', "-")).collect();
    assert!(
        libraries.iter().any(|library| library == "sea-orm"),
        "{tree}"
    );
    for name in unwanted {
        assert!(!libraries.iter().any(|library| library == name), "{name}");
    }
}

/// The page's URL of this workspace, and its folder.
const URL: &str = "https://example.com/colpali-vectors.git";
const FOLDER: &str = "colpali-vectors";

fn from_git() {
    let [dependencies, _, _] = manifests();
    let service = service("\".\", \"entity\", \"migration\"", &dependencies);
    let repository = tempfile::tempdir().expect("a folder");
    copy_into(repository.path());
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@localhost",
            "commit",
            "--quiet",
            "-m",
            "all",
        ],
    ] {
        run(Command::new("git").current_dir(&repository).args(arguments)).expect_success();
    }
    let url = format!("file://{}", repository.path().display());
    edit(&service, URL, &url);
    has_both(&service);
}

fn from_beside() {
    let [_, dependencies, _] = manifests();
    let service = service("\".\", \"entity\", \"migration\"", &dependencies);
    let path = workspace().display().to_string();
    edit(&service, &format!("../{FOLDER}"), &path);
    has_both(&service);
    // SeaORM is built anew for it.
    if Tier::current() == Tier::Exhaustive {
        run(in_service(&service)
            .env("CARGO_TARGET_DIR", workspace().join("target/documentation"))
            .args(["check", "--quiet"]))
        .expect_success();
    }
}

fn from_within() {
    let [_, beside, within] = manifests();
    let (_, members) = within.split_once("members = [").expect("members");
    let (members, exclude) = members.split_once("]\n").expect("their end");
    let service = service(members, &beside.replace(&format!("../{FOLDER}"), FOLDER));
    let here = service.path().join(FOLDER);
    fs::create_dir(&here).expect("a folder");
    copy_into(&here);
    edit(
        &service,
        "[workspace]\n",
        &format!("[workspace]\n{exclude}"),
    );
    has_both(&service);
    run(cargo()
        .current_dir(&here)
        .args(["metadata", "--no-deps", "--format-version=1"]))
    .expect_success();
}

/// Returns the manifests of the page for services: dependencies from git, dependencies by their
/// paths, and the workspace of a service that contains this one.
fn manifests() -> [String; 3] {
    let page = fs::read_to_string(workspace().join("docs/services.md")).expect("the page");
    let (_, section) = page
        .split_once("\n## In your Cargo workspace\n")
        .expect("the section");
    let (section, _) = section.split_once("\n## ").expect("its end");
    let blocks = section.split("```toml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned());
    let blocks: Vec<String> = blocks.collect();
    blocks.try_into().expect("three manifests")
}

/// Creates a service as in SeaORM's book: a package at the root of a workspace, with packages
/// `entity` and `migration`.
fn service(members: &str, dependencies: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    let package = |name: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
    };
    for name in ["entity", "migration"] {
        write(&format!("{name}/Cargo.toml"), &package(name));
        write(&format!("{name}/src/lib.rs"), "pub const OWN: () = ();");
    }
    write(
        "Cargo.toml",
        &format!(
            "[workspace]\nmembers = [{members}]\n\n{}\n{dependencies}",
            package("service")
        ),
    );
    write(
        "src/main.rs",
        "use colpali_entity::prelude::*;
use colpali_migration::{Migrator, MigratorTrait};

fn main() {
    let (Vectors, ()) = (Vectors, entity::OWN);
    println!(\"{}\", Migrator::migrations().len());
    migration::OWN
}
",
    );
    let lock = workspace().join("Cargo.lock");
    fs::copy(lock, folder.path().join("Cargo.lock")).expect("a copy");
    folder
}

fn copy_into(folder: &Path) {
    for part in ["Cargo.toml", "Cargo.lock", "entity", "migration", "tests"] {
        let part = workspace().join(part);
        run(Command::new("cp").arg("-a").arg(part).arg(folder)).expect_success();
    }
}

#[track_caller]
fn edit(service: &TempDir, old: &str, new: &str) {
    let manifest = service.path().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    assert!(text.contains(old), "{old} is not in {text}");
    fs::write(manifest, text.replace(old, new)).expect("a file");
}

fn in_service(service: &TempDir) -> Command {
    let mut cargo = cargo();
    cargo.current_dir(service);
    cargo
}

fn has_both(service: &TempDir) {
    let tree =
        run(in_service(service).args(["tree", "--depth=1", "--edges=normal", "--prefix=none"]))
            .expect_success();
    let version = env!("CARGO_PKG_VERSION");
    for package in ["entity", "migration"] {
        for version in ["0.1.0", version] {
            let package = format!("{package} v{version} ");
            assert_eq!(tree.matches(&package).count(), 1, "{package}: {tree}");
        }
    }
}
