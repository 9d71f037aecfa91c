//! The log: to standard error, as text or JSON.
//!
//! What a caller or a phone sent is written so that it cannot end a line, begin another
//! or colour a terminal.

use std::fmt::{self, Debug, Write as _};

use anyhow::Context as _;
use tracing::Subscriber;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::server::cli::LogFormat;

/// Begins to log.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("`{filter}` is no log filter: write info, or centrale=debug"))?;
    let log = subscriber(filter, format, std::io::stderr);
    tracing::subscriber::set_global_default(log)
        .map_err(|error| anyhow::anyhow!("cannot log: {error}"))
}

fn subscriber(
    filter: EnvFilter,
    format: LogFormat,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> Box<dyn Subscriber + Send + Sync> {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_target(false);
    match format {
        LogFormat::Text => {
            let fields = debug_fn(field).delimited(" ");
            Box::new(log.compact().fmt_fields(fields).finish())
        }
        LogFormat::Json => Box::new(log.json().finish()),
    }
}

/// One field of a line of text. The message is ours; a value may be anybody's.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    if field.name() == "message" {
        return write!(writer, "{value:?}");
    }
    write!(writer, "{}=", field.name())?;
    write!(Escaping(writer), "{value:?}")
}

/// Writes control characters as what they are called.
struct Escaping<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let (plain, control) = match part.char_indices().next_back() {
                Some((at, last)) if last.is_control() => part.split_at(at),
                Some(_) | None => (part, ""),
            };
            self.0.write_str(plain)?;
            for character in control.chars() {
                write!(self.0, "{}", character.escape_default())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            page.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_line_stays_one_line_whatever_a_caller_is_called() {
        let evil = "a\r\n2026-01-01 WARN all is well\u{1b}[31m\u{7f}\u{9b}é";
        for format in [LogFormat::Text, LogFormat::Json] {
            let page = Page::default();
            let pages = page.clone();
            let log = subscriber(EnvFilter::new("debug"), format, move || pages.clone());
            tracing::subscriber::with_default(log, || {
                let event = exchange::model::Event::CallEnded {
                    call: exchange::model::CallId::new(evil.to_owned()),
                    outcome: exchange::model::Outcome::Failed,
                    hangup: exchange::model::Hangup::Fault,
                    cause: None,
                    said: exchange::model::Said::default(),
                    lasted: std::time::Duration::ZERO,
                };
                tracing::info!(number = %evil, from = evil, ?event, "call started");
            });
            let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
            let line = text.strip_suffix('\n').unwrap();
            // JSON is read by programs; of the rest it escapes what it must.
            let bad = |c: char| match format {
                LogFormat::Text => c.is_control(),
                LogFormat::Json => c < ' ',
            };
            assert!(!line.contains(bad), "{line:?}");
            assert!(
                line.contains("call started") && line.contains('é'),
                "{line}"
            );
            assert_eq!(line.matches("all is well").count(), 3, "{line}");
        }
    }
}
