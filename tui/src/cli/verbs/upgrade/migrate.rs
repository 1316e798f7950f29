//! `dirigent upgrade --migrate`: run by run, each in a commit of its own; a run that would break is left as it is.

use dirigent_protocol::command::Command;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::upgrade::{RunCheck, UpgradePage};
use serde_json::{Value, json};

use super::Pages;
use super::words::{head, show, to_json};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::globals::Format;

pub(super) async fn migrate(pages: &mut Pages, cx: &mut Cx) -> Result<Exit, Fault> {
    let table = matches!(cx.globals.format(), None | Some(Format::Table));
    let (mut migrated, mut left, mut on_it) = (0_u64, 0_u64, 0_u64);
    let (mut value, mut items) = (Value::Null, Vec::new());
    while let Some(page) = pages.next(cx).await? {
        if !page.published {
            return Err(unpublished(&page));
        }
        value = head(&page);
        on_it += u64::from(page.on_it);
        for looked in &page.items {
            let refusal = one(cx, &page, looked).await?;
            let done = refusal.is_none() && !looked.breaks();
            migrated += u64::from(done);
            left += u64::from(!done);
            let ending = match &refusal {
                None if done => "goes on under it".to_owned(),
                None => "left as it is".to_owned(),
                Some(refusal) => format!("left as it is: {}", refusal.message),
            };
            if table {
                show(&mut cx.out, looked, &ending);
            } else {
                let mut item = to_json(looked);
                item["migrated"] = done.into();
                item["refused"] = refusal.map_or(Value::Null, |refusal| refusal.message.into());
                items.push(item);
            }
        }
        cx.out.flush();
    }
    if let Some(fields) = value.as_object_mut() {
        fields.extend([
            ("runs".to_owned(), Value::Array(items)),
            ("migrated".to_owned(), json!(migrated)),
            ("left".to_owned(), json!(left)),
            ("on_it".to_owned(), json!(on_it)),
        ]);
    }
    cx.show(&value, |out| {
        out.text(&format!(
            "{migrated} runs go on under it, {left} are left on the version they are on"
        ));
    })?;
    Ok(if left > 0 { Exit::Failed } else { Exit::Done })
}

/// Changes one run; answers why not, where that is the run's own matter.
async fn one(cx: &mut Cx, page: &UpgradePage, looked: &RunCheck) -> Result<Option<Fault>, Fault> {
    if looked.breaks() {
        return Ok(None);
    }
    let (run, to) = (looked.run, page.to);
    let what = format!("migrate run {}", run.short());
    match cx.command(&what, Command::RunMigrate { run, to }).await {
        Ok(_) => Ok(None),
        Err(fault) if matches!(fault.code, Code::WrongState | Code::Conflict | Code::NotPermitted) => {
            Ok(Some(fault))
        }
        Err(fault) => Err(fault),
    }
}

fn unpublished(page: &UpgradePage) -> Fault {
    let words = format!(
        "version {} of `{}` is not published; runs go on under published versions alone",
        page.to.short(),
        page.workflow
    );
    Fault::new(Code::WrongState, words).help("`dirigent apply -f FILE` publishes it, and changes no run")
}
