//! What is wrong with the log of a service, in the few words that there is room for beside the service.

use super::look::{One, Trouble, Verdict};
use crate::service::status::Want;

/// What is wrong with this log, if anything is.
pub fn of(log: &Verdict) -> Option<String> {
    let one = match log {
        Ok(one) => one,
        Err(Trouble::NotSupervised(_)) => return Some("log down (not supervised)".to_owned()),
        Err(Trouble::Unknown(words)) => return Some(format!("log unknown ({})", String::from_utf8_lossy(words))),
    };
    if one.is_up() && one.doubt.is_none() {
        return one.status.is_paused.then(|| "log paused".to_owned());
    }
    let reasons = reasons(one).join(", ");
    Some(if reasons.is_empty() { "log down".to_owned() } else { format!("log down ({reasons})") })
}

/// Why, as far as that is known.
fn reasons(one: &One) -> Vec<String> {
    let restarts = one.info.map_or(0, |info| info.restarts);
    let reasons = [
        one.has_failed().then(|| "failed".to_owned()),
        (!one.has_failed() && one.status.want == Want::Down).then(|| "want down".to_owned()),
        one.end(),
        (restarts > 0).then(|| format!("{restarts} restart{}", if restarts == 1 { "" } else { "s" })),
    ];
    reasons.into_iter().flatten().collect()
}
