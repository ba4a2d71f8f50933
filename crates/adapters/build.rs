//! Builds again when a migration is added: `embed_migrations!` sees only those that were there.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
