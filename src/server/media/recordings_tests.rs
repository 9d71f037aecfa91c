use std::fs;

use super::*;
use crate::server::clock;
use crate::server::media::wav_file::{length_of, mend};

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("centrale-recordings-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::remove_dir_all(&path).ok();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const LEG: LegId = LegId(7);

fn begin(recordings: &Recordings, number: u8, channels: usize) {
    recordings.write(Write::Begin {
        leg: LEG,
        number,
        name: &format!("c1-{number}").as_str().into(),
        channels,
    });
}

fn samples(recordings: &Recordings, number: u8, at: u64, samples: &[i16]) {
    recordings.write(Write::Samples {
        leg: LEG,
        number,
        at,
        samples,
    });
}

fn end(recordings: &Recordings, number: u8, frames: u64) {
    recordings.write(Write::End {
        leg: LEG,
        number,
        frames,
    });
}

/// Does something with a writer in a folder; what it reported.
fn reports(folder: &Path, act: impl FnOnce(&Recordings)) -> Vec<(u8, RecordingResult, u128)> {
    let (told, heard) = unbounded();
    let deliver = move |report| {
        if let Report::Recorded {
            number,
            result,
            length,
            ..
        } = report
        {
            told.send((number, result, length.as_millis())).unwrap();
        }
    };
    let (recordings, running) = start(folder, deliver).unwrap();
    act(&recordings);
    running.stop();
    heard.try_iter().collect()
}

fn read(path: &Path) -> (hound::WavSpec, Vec<i16>) {
    let mut reader = hound::WavReader::open(path).unwrap();
    let samples = reader.samples().map(Result::unwrap).collect();
    (reader.spec(), samples)
}

#[test]
fn a_recording_is_a_wav_file_with_silence_where_sound_was_lost() {
    let folder = Folder::new();
    let told = reports(&folder.0, |recordings| {
        begin(recordings, 1, 2);
        begin(recordings, 2, 1);
        samples(recordings, 1, 0, &[1, -1, 2, -2]);
        samples(recordings, 2, 0, &[5; 8_000]);
        // A second of the first is lost.
        samples(recordings, 1, 8_002, &[3, -3]);
        samples(recordings, 2, 8_000, &[6; 8_000]);
        end(recordings, 2, 12_000);
        end(recordings, 1, 8_003);
    });
    assert_eq!(
        told,
        [
            (2, RecordingResult::Kept, 1_500),
            (1, RecordingResult::Kept, 1_000)
        ]
    );
    assert_eq!(folder.names(), ["c1-1.wav", "c1-2.wav"]);
    let (spec, both) = read(&folder.0.join("c1-1.wav"));
    assert_eq!(
        (spec.channels, spec.sample_rate, spec.bits_per_sample),
        (2, 8_000, 16)
    );
    assert_eq!(
        (both.len(), &both[..6]),
        (16_006, &[1, -1, 2, -2, 0, 0][..])
    );
    assert_eq!(&both[16_002..], &[0, 0, 3, -3]);
    let (_, one) = read(&folder.0.join("c1-2.wav"));
    assert_eq!((one.len(), one[0], one[11_999]), (12_000, 5, 6));
    let mode =
        std::os::unix::fs::MetadataExt::mode(&fs::metadata(folder.0.join("c1-2.wav")).unwrap());
    assert_eq!(mode & 0o777, 0o600, "somebody's voice");
}

#[test]
fn what_is_not_worth_keeping_leaves_no_file() {
    let folder = Folder::new();
    let told = reports(&folder.0, |recordings| {
        begin(recordings, 1, 1);
        samples(recordings, 1, 0, &[1; 8_000]);
        end(recordings, 1, 0);
        end(recordings, 1, 0);
    });
    assert_eq!(told, [(1, RecordingResult::Empty, 0)]);
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn a_folder_that_cannot_be_used_is_told_once_for_each_recording() {
    let folder = Folder::new();
    fs::write(&folder.0, "a file").unwrap();
    let told = reports(&folder.0.join("deeper"), |recordings| {
        begin(recordings, 1, 1);
        samples(recordings, 1, 0, &[1; 8_000]);
        end(recordings, 1, 8_000);
    });
    assert_eq!(told, [(1, RecordingResult::Failed, 0)]);
    fs::remove_file(&folder.0).unwrap();
}

#[test]
fn a_folder_that_was_deleted_is_made_again() {
    let folder = Folder::new();
    let (told, heard) = unbounded();
    let (recordings, running) = start(&folder.0, move |report| told.send(report).unwrap()).unwrap();
    for number in 1..=2 {
        begin(&recordings, number, 1);
        samples(&recordings, number, 0, &[5; 800]);
        end(&recordings, number, 800);
        let report = heard.recv_timeout(Duration::from_secs(20)).unwrap();
        let Report::Recorded { result, .. } = report else {
            panic!("{report:?}");
        };
        assert_eq!(result, RecordingResult::Kept);
        fs::remove_dir_all(&folder.0).unwrap();
    }
    running.stop();
}

#[test]
fn a_file_is_never_written_over() {
    let folder = Folder::new();
    let told = reports(&folder.0, |recordings| {
        begin(recordings, 1, 1);
        let again: RecordingId = "c1-1".into();
        recordings.write(Write::Begin {
            leg: LegId(8),
            number: 1,
            name: &again,
            channels: 1,
        });
        samples(recordings, 1, 0, &[1; 8_000]);
        end(recordings, 1, 8_000);
    });
    assert_eq!(
        told,
        [
            (1, RecordingResult::Failed, 0),
            (1, RecordingResult::Kept, 1_000)
        ]
    );
}

#[test]
fn what_a_killed_process_left_is_mended() {
    let folder = Folder::new();
    // The writer ends without an end of the recordings, as if it were killed.
    reports(&folder.0, |recordings| {
        begin(recordings, 1, 2);
        begin(recordings, 2, 1);
        samples(recordings, 1, 0, &[9; 16_000]);
    });
    assert_eq!(folder.names(), ["c1-1.part", "c1-2.part"]);
    // The kill tore the last sample.
    let path = folder.0.join("c1-1.part");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend([1, 2, 3]);
    fs::write(&path, bytes).unwrap();
    fs::write(folder.0.join("c1-3.part"), "RIFF").unwrap();
    let vault = Vault::open(&folder.0).unwrap();
    for name in vault.parts().unwrap() {
        mend(&vault, &name).unwrap();
    }
    assert_eq!(folder.names(), ["c1-1.wav"]);
    let path = folder.0.join("c1-1.wav");
    let (spec, samples) = read(&path);
    assert_eq!((spec.channels, samples.len()), (2, 16_000));
    let length = |name: &str| length_of(&vault, &name.into());
    assert_eq!(length("c1-1"), Some(Duration::from_secs(1)));
    assert_eq!(length("c1-2"), None);
}

#[test]
fn a_backlog_that_is_full_costs_sound_and_nothing_else() {
    let (letters, received) = unbounded();
    let (_used, pool) = bounded(1);
    let recordings = Recordings {
        letters,
        waiting: Arc::new(AtomicUsize::new(0)),
        pool,
    };
    begin(&recordings, 1, 1);
    for n in 0..2 * BACKLOG {
        samples(&recordings, 1, u64::try_from(n).unwrap(), &[1]);
    }
    end(&recordings, 1, 1);
    assert_eq!(received.len(), BACKLOG + 2);
    let last = received.try_iter().last();
    assert!(matches!(last, Some(Letter::End { .. })), "{last:?}");
}

#[test]
fn a_file_that_is_deleted_while_it_grows_is_no_error() {
    let folder = Folder::new();
    let told = reports(&folder.0, |recordings| {
        begin(recordings, 1, 1);
        let part = folder.0.join("c1-1.part");
        let patience = clock::now() + Duration::from_secs(20);
        while !part.exists() {
            assert!(clock::now() < patience);
            thread::yield_now();
        }
        fs::remove_file(part).unwrap();
        samples(recordings, 1, 0, &[5; 800]);
        end(recordings, 1, 800);
    });
    assert_eq!(told, [(1, RecordingResult::Empty, 0)]);
    assert_eq!(folder.names(), [""; 0]);
}
