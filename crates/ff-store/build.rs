//! The migrations are compiled in by a macro that does not notice new folders; cargo has to be told to look.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
