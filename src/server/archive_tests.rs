use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

/// A folder of its own for each test, gone afterwards.
struct House {
    folder: PathBuf,
    archive: Archive,
}

impl House {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("centrale-archive-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(folder.join("sound")).unwrap();
        let store = Arc::new(Store::open(&folder.join("a.db"), "1").unwrap());
        let archive = Archive::new(store, &folder.join("sound"));
        Self { folder, archive }
    }

    fn put(&self, id: &str, mailbox: Option<&str>, day: u64, length: Option<i64>) {
        self.archive
            .write(RecordingItem::Put(Box::new(RecordingRow {
                id: id.into(),
                call: "c1".into(),
                mailbox: mailbox.map(Into::into),
                from: "0612345678".into(),
                at: i64::try_from(day * 86_400_000).unwrap(),
                length,
                heard: false,
            })));
        self.settle();
    }

    fn settle(&self) {
        assert!(self.archive.store.flush(Duration::from_secs(20)));
    }

    fn sound(&self, name: &str) -> PathBuf {
        let path = self.folder.join("sound").join(name);
        // A header, and 100 ms of it.
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        bytes.extend([0; 20]);
        bytes.extend([7; 1_600]);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Ids with lengths and whether they were heard.
    fn found(&self, query: RecordingQuery) -> Vec<(String, Option<i64>, bool)> {
        let rows = self.archive.find(&RecordingQuery { limit: 10, ..query });
        let rows = rows.unwrap().into_iter();
        rows.map(|row| (row.id.to_string(), row.length, row.heard))
            .collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.archive.store.close(Duration::from_secs(5));
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn of(ids: &[(&str, i64, bool)]) -> Vec<(String, Option<i64>, bool)> {
    let rows = ids.iter();
    rows.map(|(id, length, heard)| ((*id).to_owned(), Some(*length), *heard))
        .collect()
}

/// What a question asks, word by word.
fn asks(words: &str) -> RecordingQuery {
    let mut query = RecordingQuery::default();
    for word in words.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap();
        let text = Some(value.to_owned());
        match key {
            "messages" => query.messages = value.parse().ok(),
            "mailbox" => query.mailbox = text,
            "from" => query.from = text,
            "call" => query.call = text,
            "id" => query.id = text,
            "before" => query.before = Some((3 * 86_400_000, value.into())),
            "heard" => query.heard = value.parse().ok(),
            _ => panic!("{key}"),
        }
    }
    query
}

#[test]
fn messages_and_recordings_are_found_by_what_they_are_of() {
    let house = House::new();
    house.put("c1-1", None, 1, Some(9_000));
    house.put("c1-2", Some("office"), 2, Some(2_000));
    house.put("c1-3", Some("sales"), 3, Some(3_000));
    house.put("c1-4", Some("office"), 4, None);
    let one = ("c1-1", 9_000, false);
    let two = ("c1-2", 2_000, false);
    let three = ("c1-3", 3_000, false);
    for (words, expected) in [
        ("messages=true", of(&[three, two])),
        ("messages=false", of(&[one])),
        ("mailbox=office", of(&[two])),
        ("from=0612345678", of(&[three, two, one])),
        ("from=06", of(&[])),
        ("call=c1 id=c1-3", of(&[three])),
        ("before=c1-3", of(&[two, one])),
        ("heard=true", of(&[])),
    ] {
        assert_eq!(house.found(asks(words)), expected, "{words}");
    }
    house.archive.mark(&"c1-2".into(), true);
    let heard = of(&[("c1-2", 2_000, true)]);
    assert_eq!(house.found(asks("heard=true")), heard);
    // A beginning that waited in the spool does not undo the end.
    house.put("c1-2", Some("office"), 2, None);
    assert_eq!(house.found(asks("id=c1-2")), heard);
}

#[test]
fn what_is_deleted_or_too_old_is_gone_with_its_file() {
    let house = House::new();
    let now = UNIX_EPOCH + 100 * DAY;
    let mut files = Vec::new();
    for (id, mailbox, day) in [
        ("old", None, 60),
        ("young", None, 80),
        ("old-message", Some("office"), 60),
        ("ancient-message", Some("office"), 1),
    ] {
        house.put(id, mailbox, day, Some(100));
        files.push(house.sound(&format!("{id}.wav")));
    }
    let keep = config::Recordings {
        calls: 30 * DAY,
        messages: 90 * DAY,
    };
    assert_eq!(house.archive.expire(keep, now).unwrap(), 2);
    assert_eq!(house.archive.expire(keep, now).unwrap(), 0);
    let left: Vec<bool> = files.iter().map(|file| file.exists()).collect();
    assert_eq!(left, [false, true, true, false]);
    let rows = house.archive.find(&RecordingQuery {
        limit: 10,
        ..RecordingQuery::default()
    });
    let rows = rows.unwrap();
    assert_eq!(rows.len(), 2);
    // One file is gone already; one cannot be deleted, and keeps its row.
    fs::remove_file(&files[1]).unwrap();
    fs::remove_file(&files[2]).unwrap();
    fs::create_dir(&files[2]).unwrap();
    let deleted = house.archive.delete(&rows);
    assert!(
        matches!(deleted, Err(ArchiveError::File { .. })),
        "{deleted:?}"
    );
    house.settle();
    assert_eq!(
        house.found(RecordingQuery::default()),
        of(&[("old-message", 100, false)])
    );
}

#[test]
fn a_voice_goes_while_its_file_grows_too() {
    let house = House::new();
    let files = ["c1-1.wav", "c1-2.part", "c2-1.wav"].map(|name| house.sound(name));
    let ids = ["c1-1", "c1-2", "c1-3"].map(RecordingId::from);
    house.archive.shred(&ids).unwrap();
    assert_eq!(
        files.each_ref().map(|file| file.exists()),
        [false, false, true]
    );
    // What cannot be deleted is said.
    fs::create_dir(&files[0]).unwrap();
    let refused = house.archive.shred(&ids);
    assert!(
        matches!(refused, Err(ArchiveError::File { .. })),
        "{refused:?}"
    );
}

#[test]
fn what_a_killed_process_left_is_there_after_a_start() {
    let house = House::new();
    house.put("c1-1", Some("office"), 1, None);
    house.put("c1-2", None, 1, None);
    house.put("c1-3", None, 1, None);
    house.sound("c1-1.part");
    house.sound("c1-2.wav");
    house.archive.recover();
    house.settle();
    assert_eq!(
        house.found(RecordingQuery::default()),
        of(&[("c1-2", 100, false), ("c1-1", 100, false)])
    );
    assert_eq!(
        house.found(RecordingQuery {
            open: true,
            ..RecordingQuery::default()
        }),
        []
    );
    let mended = hound::WavReader::open(house.folder.join("sound/c1-1.wav")).unwrap();
    assert_eq!(mended.duration(), 800);
}
