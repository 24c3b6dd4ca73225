//! Pages of long answers. A token says how many things were seen already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gristmill_track::Page;
use serde_json::Value;

use super::error::Refusal;

/// The most things in one answer.
pub(super) const MOST: i64 = 50_000;

/// The page of at most `limit` things that a token stands for, with room for one more thing, which
/// tells whether there is a next page.
pub(super) fn page(token: Option<&str>, limit: i64) -> Result<Page, Refusal> {
    let limit = u32::try_from(limit.saturating_add(1)).unwrap_or(u32::MAX);
    Ok(Page { limit, offset: offset(token)? })
}

/// The things of the page, and the token of the next page if there is one.
pub(super) fn trimmed<T>(mut found: Vec<T>, page: Page) -> (Vec<T>, Option<String>) {
    let limit = (page.limit as usize).saturating_sub(1);
    if found.len() <= limit {
        return (found, None);
    }
    found.truncate(limit);
    let next = page.offset.saturating_add(limit as u64);
    (found, Some(STANDARD.encode(format!("{{\"offset\": {next}}}"))))
}

/// Refuses a number of things that is none, or too great.
pub(super) fn check_most(most: i64) -> Result<(), Refusal> {
    let invalid = |expected: &str| {
        let head = format!("Invalid value {most} for parameter 'max_results' supplied.");
        Err(Refusal::invalid(format!("{head} It must be {expected}")))
    };
    match most {
        ..1 => invalid("a positive integer"),
        1..=MOST => Ok(()),
        _ => invalid("at most 50000"),
    }
}

fn offset(token: Option<&str>) -> Result<u64, Refusal> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(0) };
    let bytes = STANDARD
        .decode(token)
        .map_err(|_| Refusal::invalid("Invalid page token, could not base64-decode"))?;
    let said = String::from_utf8_lossy(&bytes).into_owned();
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|_| Refusal::invalid(format!("Invalid page token, decoded value=b'{said}'")))?;
    let offset = value.get("offset").and_then(|offset| match offset {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    offset
        .filter(|offset| *offset > 0)
        .ok_or_else(|| Refusal::invalid(format!("Invalid page token, parsed value={said}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_to_the_next_page() {
        let first = page(None, 2).unwrap();
        assert_eq!(first, Page { limit: 3, offset: 0 });
        let (found, token) = trimmed(vec![1, 2, 3], first);
        assert_eq!((found, token.as_deref()), (vec![1, 2], Some("eyJvZmZzZXQiOiAyfQ==")));
        assert_eq!(page(token.as_deref(), 2).unwrap(), Page { limit: 3, offset: 2 });
        assert_eq!(trimmed(vec![1, 2], first), (vec![1, 2], None));
    }

    #[test] // seen in answers of MLflow 3.17.2
    fn other_tokens_are_refused() {
        let refused = |token| page(Some(token), 2).unwrap_err().message().to_string();
        assert_eq!(refused("zzz"), "Invalid page token, could not base64-decode");
        assert!(refused("e30=").starts_with("Invalid page token, parsed value="));
        assert!(refused("eA==").starts_with("Invalid page token, decoded value="));
    }
}
