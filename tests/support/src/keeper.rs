//! Cleans up after a test process that cannot: servers that several tests share are never dropped, and a test process may
//! be killed.

use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// A shell that outlives the tests: however they end, its end of the pipe is closed, `read` fails, and it kills the
/// processes that it was told of and not told to forget. Then it removes their folders.
const KEEPER: &str = r#"
trap '' INT TERM HUP
processes=' '
while read -r word process folder; do
  case "$word" in
    keep) processes="$processes$process "; folders="$folders $folder" ;;
    forget) processes="${processes%% $process *} ${processes#* $process }" ;;
  esac
done
kill -9 $processes 2>/dev/null
rm -rf $folders
"#;

/// From now on `process` is killed, and `folder` removed, when this process has ended.
pub(crate) fn keep(process: &Child, folder: &Path) {
    tell(&format!("keep {} {}", process.id(), folder.display()));
}

/// `process` has ended; its id may be another's by now.
pub(crate) fn forget(process: &Child) {
    tell(&format!("forget {}", process.id()));
}

fn tell(words: &str) {
    static COMMANDS: OnceLock<Mutex<ChildStdin>> = OnceLock::new();
    let commands = COMMANDS.get_or_init(|| {
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER]).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Mutex::new(keeper.spawn().unwrap().stdin.take().unwrap())
    });
    writeln!(commands.lock().unwrap(), "{words}").unwrap();
}
