//! Writes the tests' own data as inputs to begin from: `seeds FOLDER` makes `FOLDER/<target>/<number>`.

use std::path::PathBuf;

use ff_fuzz::seeds::{TARGETS, seeds};

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("the folder to write to"));
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
    for target in TARGETS {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder)?;
        for (i, seed) in seeds(&data, target).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{i:04}")), seed)?;
        }
    }
    Ok(())
}
