use std::{
    fs,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use cannula_tests::fuzz::Target;

/// No input may take longer. One takes some milliseconds, but machines of CI are slow and busy.
const LONGEST: Duration = Duration::from_secs(60);
/// More than a process with all targets side by side may hold at its peak: each has a sandbox.
const MOST_KIB: u64 = 1 << 20;

/// A thread that is given one input at a time, so that one that hangs is found.
pub(crate) struct Bounds {
    inputs: mpsc::Sender<(Target, Vec<u8>)>,
    done: mpsc::Receiver<()>,
}

impl Bounds {
    pub(crate) fn begin() -> Self {
        let (inputs, given) = mpsc::channel::<(Target, Vec<u8>)>();
        let (say, done) = mpsc::channel();
        thread::spawn(move || {
            for (target, input) in given {
                (target.run)(&input);
                say.send(()).unwrap();
            }
        });
        Self { inputs, done }
    }

    /// # Panics
    /// If the target does, or takes too long or too much.
    pub(crate) fn run(&self, target: Target, what: &str, input: Vec<u8>) {
        self.inputs.send((target, input)).unwrap();
        let name = target.name;
        let outcome = self.done.recv_timeout(LONGEST);
        assert_ne!(outcome, Err(RecvTimeoutError::Timeout), "{name} does not end: {what}");
        assert_eq!(outcome, Ok(()), "{name} panicked: {what}");
        if let Some(peak) = peak_kib() {
            assert!(peak < MOST_KIB, "{name} took {peak} KiB: {what}");
        }
    }
}

/// The most memory that the process has held, where the system says so.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
