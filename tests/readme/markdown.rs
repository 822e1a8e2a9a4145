//! As much of Markdown as the documents use: fenced blocks, tables, links.

use std::path::{Path, PathBuf};

/// The top of the source tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A document of the source tree.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What stands behind the opening fence: language first.
    pub(crate) info: String,
    pub(crate) text: String,
    /// The line of the opening fence, from 1.
    pub(crate) line: usize,
    /// Whether nothing but blank lines stands between this block and the one before it.
    pub(crate) follows: bool,
}

impl Block {
    pub(crate) fn language(&self) -> &str {
        self.info.split_whitespace().next().unwrap_or_default()
    }
}

/// The fenced blocks of a document, in order.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut follows = false;
    for (i, line) in document.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            if is_open {
                follows = true;
            } else {
                blocks.push(Block { info: info.trim().to_owned(), text: String::new(), line: i + 1, follows });
            }
            is_open = !is_open;
        } else if is_open {
            let block = blocks.last_mut().unwrap();
            block.text.push_str(line);
            block.text.push('\n');
        } else if !line.trim().is_empty() {
            follows = false;
        }
    }
    assert!(!is_open, "a block is not closed");
    blocks
}

/// The tables of a document whose first columns have these heads, row by row.
pub(crate) fn rows(document: &str, heads: &[&str]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in document.lines() {
        let Some(line) = line.trim().strip_prefix('|') else {
            is_inside = false;
            continue;
        };
        let cells: Vec<_> = line.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        if is_inside {
            if !cells.iter().all(|cell| cell.starts_with("---")) {
                rows.push(cells);
            }
        } else {
            is_inside = heads.iter().zip(&cells).all(|(head, cell)| head == cell);
        }
    }
    assert!(!rows.is_empty(), "no table has the columns {heads:?}");
    rows
}

/// The first text between backticks.
pub(crate) fn code(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_else(|| panic!("no code in {cell:?}"))
}

#[test]
fn blocks_know_whether_they_follow_one_another() {
    let found = blocks("a\n```sh\nx\n```\n\n```json\n{}\n```\ntext\n```sh 412\ny\n```\n");
    let seen: Vec<_> = found.iter().map(|b| (b.language(), b.info.as_str(), b.text.as_str(), b.line, b.follows)).collect();
    assert_eq!(seen, [("sh", "sh", "x\n", 2, false), ("json", "json", "{}\n", 6, true), ("sh", "sh 412", "y\n", 10, false)]);
}
