//! One Prism over one specification, and what is needed to start any.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

/// How long a start may take; on a busy machine it is several seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the specifications are, and the command that judges by them.
#[derive(Debug)]
pub(crate) struct Equipment {
    pub(crate) folder: PathBuf,
    pub(crate) command: PathBuf,
}

impl Equipment {
    /// What the environment names. Where something is missing, standard error says what `test` is
    /// skipped for, past the harness, which swallows what a test that passes prints.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let missing = match (env::var_os("CANNULA_SPECS"), command()) {
            (Some(folder), Some(command)) => return Some(Self { folder: folder.into(), command }),
            (None, _) => "CANNULA_SPECS names no folder of specifications",
            (_, None) => "CANNULA_PRISM names no command and there is no `prism` on the path",
        };
        let line = format!("skipped: {test}: {missing} (see docs/testing.md)\n");
        // In one piece, for other tests write too. Nothing is left to do if it is closed.
        let _ = io::stderr().write_all(line.as_bytes());
        None
    }
}

fn command() -> Option<PathBuf> {
    if let Some(command) = env::var_os("CANNULA_PRISM") {
        return Some(command.into());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join("prism")).find(|file| file.is_file())
}

/// What happens to a call that the specification does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It fails: 422 for the request, 500 for the answer.
    Strict,
    /// It passes, and a header says what was wrong.
    Lenient,
}

/// A running Prism; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Prism {
    child: Child,
    said: Receiver<String>,
}

impl Prism {
    /// Starts it on a free port between a client and `upstream`.
    pub(crate) fn start(command: &Path, spec: &Path, upstream: &str, manner: Manner) -> Self {
        let mut prism = Command::new(command);
        prism.arg("proxy").arg(spec).arg(upstream);
        prism.args(["--host", "127.0.0.1", "--port", "0", "--multiprocess", "false"]);
        if manner == Manner::Strict {
            prism.arg("--errors");
        }
        let mut child = prism
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", command.display()));
        let stdout = child.stdout.take().expect("it is piped");
        let (say, said) = channel();
        // Reads for as long as it runs: it would stop at a full pipe.
        thread::spawn(move || relay(BufReader::new(stdout), &say));
        Self { child, said }
    }

    /// Waits until it listens; returns its origin.
    pub(crate) fn origin(&self) -> String {
        let mut log = Vec::new();
        while let Ok(line) = self.said.recv_timeout(PATIENCE) {
            if let Some((_, origin)) = line.split_once("is listening on ") {
                return origin.trim().to_owned();
            }
            log.push(line);
        }
        panic!("Prism did not start; it said:\n{}", log.join("\n"));
    }
}

fn relay(stdout: impl BufRead, say: &Sender<String>) {
    for line in stdout.lines().map_while(Result::ok) {
        // Nobody listens once it has started.
        let _ = say.send(line);
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
