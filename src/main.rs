//! maitred
fn main() {}
