//! A PostgreSQL server of one's own, in a temporary folder.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Makes and runs the server, told by words on its standard input, answering with a word each.
///
/// A shell stands between the tests and the server, because it outlives them: whatever way the test process ends, its end
/// of the pipe is closed, `read` fails, and the shell stops the server and removes the folder. `pg_ctl` stops exactly the
/// server that runs in this folder, by the process id which that server wrote there, and a signal goes to that process and to
/// those that it started.
const KEEPER: &str = r#"
trap '' INT TERM HUP
cd "$FOLDER" || exit 1
answer() { if [ "$1" = 0 ]; then echo done; else tail -n 20 log >&2; echo failed; fi; }
start() { "$BIN/pg_ctl" start -s -w -t 60 -D data -l log -o "$OPTIONS" </dev/null >/dev/null 2>&1; }
stop() { "$BIN/pg_ctl" stop -s -w -m immediate -D data </dev/null >/dev/null 2>&1; }
signal() {
  read -r first <data/postmaster.pid || return
  kill -"$1" "$first"
  kill -"$1" $(grep -ls "^PPid:[[:space:]]*$first\$" /proc/[0-9]*/status | cut -d/ -f3)
} 2>/dev/null
while read -r word; do
  case "$word" in
    copy) "$BIN/pg_basebackup" -h "$FROM" -U postgres -D data -R -X stream -c fast --no-sync </dev/null >log 2>&1; answer $? ;;
    promote) "$BIN/pg_ctl" promote -s -w -t 60 -D data </dev/null >/dev/null 2>&1; answer $? ;;
    init) "$BIN/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync </dev/null >log 2>&1; answer $? ;;
    start) start; answer $? ;;
    stop) stop; answer $? ;;
    freeze) signal STOP; echo done ;;
    thaw) signal CONT; echo done ;;
  esac
done
signal CONT
stop
cd / && rm -rf "$FOLDER"
"#;

/// Nothing here has to survive a power failure, and tests open many connections, the more the more cores run tests. (`synchronous_commit` stays on: what was
/// committed must survive a crash of the server itself.)
const OPTIONS: &str = "-c fsync=off -c full_page_writes=off -c max_connections=1000 -c shared_buffers=32MB";

pub(crate) struct Server {
    keeper: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Server {
    /// A new server that will listen on a socket in its folder and nowhere else, with `options` for the server program.
    pub(crate) fn new(bin: &Path, options: &str) -> Self {
        let mut server = Self::prepare(bin, options, Path::new(""));
        server.tell("init");
        server
    }

    /// The same as a copy of the server whose folder is `from`, which it follows when it has been started.
    pub(crate) fn copy(bin: &Path, from: &Path) -> Self {
        let mut server = Self::prepare(bin, "", from);
        server.tell("copy");
        server
    }

    fn prepare(bin: &Path, options: &str, from: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("ff-pg-").tempdir().unwrap().keep();
        let mut command = unprivileged(&folder, Path::new("/bin/sh"));
        command.args(["-c", KEEPER]).current_dir("/");
        let listen = format!("{OPTIONS} -c listen_addresses= -c unix_socket_directories='{}'", folder.display());
        command.env("FOLDER", &folder).env("BIN", bin).env("FROM", from).env("OPTIONS", format!("{listen} {options}"));
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (commands, answers) = (keeper.stdin.take(), BufReader::new(keeper.stdout.take().unwrap()));
        Self { keeper, commands, answers, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives the files in the folder to whom the folder belongs, for him alone.
    pub(crate) fn hand_over(&self) {
        let owner = fs::metadata(&self.folder).unwrap();
        for file in fs::read_dir(&self.folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            chown(file.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
            fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    pub(crate) fn tell(&mut self, word: &str) {
        writeln!(self.commands.as_mut().unwrap(), "{word}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim(), "done", "PostgreSQL in {} did not {word}", self.folder.display());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.commands.take());
        self.keeper.wait().ok();
    }
}

/// PostgreSQL refuses to run as root; then the folder and the processes belong to someone else.
fn unprivileged(folder: &Path, program: &Path) -> Command {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return Command::new(program);
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| id(&["-u", user]).is_some()).unwrap();
    let (uid, gid) = (id(&["-u", user]).unwrap(), id(&["-g", user]).unwrap());
    chown(folder, Some(uid), Some(gid)).unwrap();
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={uid}"), &format!("--regid={gid}"), "--clear-groups"]).arg(program);
    command
}
