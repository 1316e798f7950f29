//! A JSON value on one line, cut, without writing out all of it.

use serde_json::Value;

use super::fit;

/// Cells of a value inside a line.
const VALUE: usize = 240;

/// A value on one line, cut. Only its beginning is written out: values may be megabytes.
#[must_use]
pub fn compact(value: &Value) -> String {
    struct Bounded(Vec<u8>);
    impl std::io::Write for Bounded {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0.len() > 4 * VALUE {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut out = Bounded(Vec::new());
    let whole = serde_json::to_writer(&mut out, value).is_ok();
    let text = String::from_utf8_lossy(&out.0);
    let text = text.get(..).unwrap_or_default();
    if whole {
        fit::cut(text, VALUE)
    } else {
        format!("{}…", fit::cut(text, VALUE))
    }
}
