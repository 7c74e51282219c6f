//! Hears everything that is logged in this process, by whomever, and every panic.

use std::{
    io, panic,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use tracing_subscriber::{filter::LevelFilter, fmt::format::FmtSpan, prelude::*};

static HEARD: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// From when on somebody listens. Tests that run side by side hear each other, which does no harm:
/// nobody may say anything.
#[derive(Debug)]
pub(crate) struct Listening {
    from: usize,
}

impl Listening {
    pub(crate) fn start() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // The sandbox is the vendors, who may know and say everything.
            let ours = tracing_subscriber::filter::filter_fn(|metadata| {
                !metadata.target().starts_with("cannula_sandbox")
            });
            let layer = tracing_subscriber::fmt::layer()
                .with_span_events(FmtSpan::FULL)
                .with_ansi(false)
                .with_writer(|| Ear)
                .with_filter(ours);
            tracing_subscriber::registry().with(layer.with_filter(LevelFilter::TRACE)).init();
            let usual = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                usual(panic);
                heard().extend_from_slice(format!("{panic}\n").as_bytes());
            }));
        });
        Self { from: heard().len() }
    }

    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&heard()[self.from..]).into_owned()
    }
}

fn heard() -> MutexGuard<'static, Vec<u8>> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Ear;

impl io::Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        heard().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
