//! Cursors of the event feed, as clients see them.

use chrono::{DateTime, Utc};
use devices_domain::{FeedCursor, Reason, WorkspaceId};

use crate::http::extract::query::InvalidParameter;
use crate::http::respond::sha256_prefix::sha256_prefix;

/// Number of digits of a cursor before its checksum: those of the position and the time.
const LENGTH: usize = 2 * 16;

/// Represents a cursor without the time of an event. No event is that old.
const NO_TIME: i64 = i64::MIN;

/// Encodes a cursor with a checksum, which also covers the workspace. The checksum detects a cursor
/// of another workspace and an accidental change. It needs no secret: a forged cursor reaches only
/// the client's own feed.
pub(crate) fn encode(cursor: FeedCursor, workspace: WorkspaceId) -> String {
    let time = cursor
        .event_time
        .map_or(NO_TIME, |time| time.timestamp_micros());
    let start = format!("{:016x}{time:016x}", cursor.position);
    let checksum = checksum(&start, workspace);
    format!("{start}{checksum}")
}

/// Decodes a cursor of this workspace.
pub(crate) fn decode(text: &str, workspace: WorkspaceId) -> Result<FeedCursor, InvalidParameter> {
    try_decode(text, workspace).ok_or_else(|| {
        let detail = "must be the meta.cursor of a response of GET /events, unchanged";
        (Reason::Malformed, detail.to_owned())
    })
}

fn try_decode(text: &str, workspace: WorkspaceId) -> Option<FeedCursor> {
    let (start, sent_checksum) = text.split_at_checked(LENGTH)?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if !text.bytes().all(is_hex) || sent_checksum != checksum(start, workspace) {
        return None;
    }
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok().map(u64::cast_signed);
    let time = number(&start[16..])?;
    Some(FeedCursor {
        position: number(&start[..16]).filter(|position| *position >= 0)?,
        event_time: match time {
            NO_TIME => None,
            time => Some(DateTime::<Utc>::from_timestamp_micros(time)?),
        },
    })
}

fn checksum(start: &str, workspace: WorkspaceId) -> String {
    sha256_prefix(format!("{start} events {workspace}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: WorkspaceId = WorkspaceId(1);

    fn cursors() -> [FeedCursor; 3] {
        let at = |position, micros| FeedCursor {
            position,
            event_time: DateTime::from_timestamp_micros(micros),
        };
        [FeedCursor::START, at(17, -1), at(i64::MAX, 1_234_567_890)]
    }

    #[test]
    fn cursor_is_decoded_as_encoded() {
        for cursor in cursors() {
            let text = encode(cursor, ACME);
            assert_eq!(decode(&text, ACME).ok(), Some(cursor), "{text}");
        }
    }

    #[test]
    fn changed_cursor_is_rejected() {
        let text = encode(cursors()[1], ACME);
        assert!(decode(&text, WorkspaceId(2)).is_err());
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(decode(&changed, ACME).is_err(), "{changed}");
        }
        let invalid = [
            "",
            "0",
            "é",
            &text[1..],
            &text.to_uppercase(),
            &format!("{text}0"),
        ];
        for text in invalid {
            assert!(decode(text, ACME).is_err(), "{text}");
        }
    }
}
