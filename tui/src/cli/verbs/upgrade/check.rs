//! `dirigent upgrade --check`.

use dirigent_protocol::fault::Fault;
use serde_json::{Value, json};

use super::Pages;
use super::words::{head, show, to_json};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::globals::Format;

pub(super) async fn check(pages: &mut Pages, cx: &mut Cx) -> Result<Exit, Fault> {
    let table = matches!(cx.globals.format(), None | Some(Format::Table));
    let (mut runs, mut breaks, mut on_it) = (0_u64, 0_u64, 0_u64);
    let (mut value, mut items) = (Value::Null, Vec::new());
    while let Some(page) = pages.next(cx).await? {
        value = head(&page);
        on_it += u64::from(page.on_it);
        for looked in &page.items {
            runs += 1;
            breaks += u64::from(looked.breaks());
            if table {
                let ending = if looked.breaks() {
                    "would break"
                } else {
                    "can go on"
                };
                show(&mut cx.out, looked, ending);
            } else {
                items.push(to_json(looked));
            }
        }
        cx.out.flush();
    }
    if let Some(fields) = value.as_object_mut() {
        fields.extend([
            ("runs".to_owned(), Value::Array(items)),
            ("breaks".to_owned(), json!(breaks)),
            ("on_it".to_owned(), json!(on_it)),
        ]);
    }
    cx.show(&value, |out| {
        out.text(&match (runs, breaks) {
            (0, _) => "no run of an earlier version is open".to_owned(),
            (_, 0) => format!("{runs} of {runs} open runs can go on under it"),
            _ => format!("{breaks} of {runs} open runs would break; they end on the version they are on"),
        });
    })?;
    Ok(if breaks > 0 { Exit::Failed } else { Exit::Done })
}
