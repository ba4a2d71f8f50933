//! The program `devices`.

fn main() {}
