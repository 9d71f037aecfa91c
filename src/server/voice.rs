//! Texts to sounds by a program (`speech`), kept on disk by what they say.
//!
//! A sound is made once: its file is named by the command and the text. Whoever waits for
//! sounds waits for as long as the program may take for one text; a program that fails
//! again and again is not asked any more.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, thread};

use crossbeam_channel::{Receiver, bounded};
use exchange::config::{Config, Speech};
use exchange::flow::Utterance;
use exchange::media::{Library, Sound, wav};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sha2::{Digest as _, Sha256};

use crate::server::entropy;

/// Programs that speak at once.
const VOICES: usize = 2;
/// After so many failures the program does not work, and the rest is left out.
const FAILURES: usize = 3;
/// What one text may come to: ten minutes at 48 kHz would be 58 MB.
const SOUND_BYTES: u64 = 16 * 1024 * 1024;
/// Files in the cache; over it those go that nobody asked for this time.
const CACHED: usize = 10_000;
/// So many texts of calls are spoken between two looks at the size of the cache.
const LOOK_EVERY: usize = 500;
/// How long a program that was killed may take to end.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// One text that has no recording.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    language: String,
    name: String,
    text: String,
}

/// What came of all texts.
#[derive(Debug, Default)]
pub(crate) struct Made {
    sounds: Vec<(Wanted, Sound)>,
    /// A sentence for each text that could not be spoken.
    pub(crate) problems: Vec<String>,
}

impl Made {
    /// Puts the sounds where calls look for them.
    pub(crate) fn put_into(self, library: &mut Library) {
        for (wanted, sound) in self.sounds {
            library.insert(&wanted.language, &wanted.name, Arc::new(sound));
        }
    }
}

/// What has to be spoken for a configuration: nothing without a `speech`.
pub(crate) fn wanted(config: &Config, library: &Library) -> Vec<Wanted> {
    if config.speech.is_none() {
        return Vec::new();
    }
    let texts = config.texts().into_iter();
    let missing = texts.filter(|((language, name), _)| library.sound(language, name).is_none());
    missing
        .map(|((language, name), text)| Wanted {
            language,
            name,
            text,
        })
        .collect()
}

/// Speaks every text, or finds it in the cache. Ends early, with what there is, when it is
/// told to stop.
pub(crate) fn make(speech: &Speech, wanted: Vec<Wanted>, stop: &AtomicBool) -> Made {
    let mut made = Made::default();
    if let Err(error) = fs::create_dir_all(&speech.cache) {
        let folder = speech.cache.display();
        made.problems = vec![format!("cannot make the folder {folder}: {error}")];
        return made;
    }
    let files: BTreeSet<PathBuf> = wanted.iter().map(|wanted| file(speech, wanted)).collect();
    let (jobs, next) = bounded(wanted.len().max(1));
    for wanted in wanted {
        // There is room for all of them.
        jobs.send(wanted).ok();
    }
    drop(jobs);
    let failures = AtomicUsize::new(0);
    let work = || worker(speech, &next, stop, &failures);
    let done = thread::scope(|scope| {
        let workers = [(); VOICES].map(|()| scope.spawn(work));
        let results = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_default());
        results.flatten().collect::<Vec<_>>()
    });
    for (wanted, result) in done {
        match result {
            Ok(sound) => made.sounds.push((wanted, sound)),
            Err(why) => made.problems.push(format!(
                "{}/{} could not be spoken: {why}",
                wanted.language, wanted.name
            )),
        }
    }
    let left = next.len();
    if left > 0 {
        made.problems
            .push(format!("{left} more texts were not tried"));
    }
    prune(&speech.cache, &files);
    made
}

/// Speaks one text during a call, or finds it in the cache.
pub(crate) fn say(speech: &Speech, said: Utterance) -> Result<Sound, String> {
    static SAID: AtomicUsize = AtomicUsize::new(0);
    if SAID
        .fetch_add(1, Ordering::Relaxed)
        .is_multiple_of(LOOK_EVERY)
    {
        prune(&speech.cache, &BTreeSet::new());
    }
    let wanted = Wanted {
        language: said.language.to_string(),
        name: said.name.to_string(),
        text: said.text.to_string(),
    };
    sound(speech, &wanted)
}

type Done = Vec<(Wanted, Result<Sound, String>)>;

fn worker(
    speech: &Speech,
    next: &Receiver<Wanted>,
    stop: &AtomicBool,
    failures: &AtomicUsize,
) -> Done {
    let mut done = Vec::new();
    while !stop.load(Ordering::Relaxed) && failures.load(Ordering::Relaxed) < FAILURES {
        let Ok(wanted) = next.try_recv() else { break };
        let result = sound(speech, &wanted);
        if result.is_err() {
            failures.fetch_add(1, Ordering::Relaxed);
        }
        done.push((wanted, result));
    }
    done
}

/// Where the sound of a text is kept.
fn file(speech: &Speech, wanted: &Wanted) -> PathBuf {
    let mut hash = Sha256::new();
    for word in speech.command(&wanted.language) {
        hash.update(word);
        hash.update([0]);
    }
    hash.update(&wanted.text);
    let mut name = String::new();
    for byte in hash.finalize().iter().take(16) {
        // Writing to a String cannot fail.
        write!(name, "{byte:02x}").ok();
    }
    speech.cache.join(name + ".wav")
}

fn sound(speech: &Speech, wanted: &Wanted) -> Result<Sound, String> {
    let file = file(speech, wanted);
    let kept = fs::read(&file).ok();
    if let Some(sound) = kept.and_then(|bytes| wav::read(&bytes).ok()) {
        return Ok(sound);
    }
    let said = speak(
        &speech.command(&wanted.language),
        &wanted.text,
        speech.timeout,
    )?;
    let tidy = wav::tidy_voice(&said).map_err(|error| format!("what came is no sound: {error}"))?;
    // Whoever reads it at the same time sees all of it or nothing.
    let part = file.with_extension(format!("{:x}.part", entropy::word()));
    let kept = fs::create_dir_all(&speech.cache);
    let kept = kept
        .and_then(|()| fs::write(&part, &tidy))
        .and_then(|()| fs::rename(&part, &file));
    if let Err(error) = kept {
        tracing::warn!(file = %file.display(), %error, "a spoken text is not kept");
    }
    wav::read(&tidy).map_err(|error| error.to_string())
}

/// Runs the program: the text goes in, a WAV comes out. A program that takes too long is
/// killed, with whatever it started.
fn speak(command: &[String], text: &str, timeout: Duration) -> Result<Vec<u8>, String> {
    let (program, arguments) = command.split_first().ok_or("there is no command")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let group = i32::try_from(child.id()).map(Pid::from_raw).ok();
    let input = child.stdin.take();
    let text = text.to_owned() + "\n";
    let (send, receive) = bounded(1);
    let writer = thread::spawn(move || input.map(|mut input| input.write_all(text.as_bytes())));
    let reader = thread::spawn(move || send.send(listen(child)).ok());
    let said = receive.recv_timeout(timeout);
    if said.is_err() {
        // It has not been waited for, so the group is still its own.
        if let Some(group) = group {
            killpg(group, Signal::SIGKILL).ok();
        }
        receive.recv_timeout(LAST_BREATH).ok();
        return Err(format!("{program} took longer than {}s", timeout.as_secs()));
    }
    let (written, read) = (writer.join(), reader.join());
    if written.is_err() || read.is_err() {
        return Err(format!("{program} could not be heard"));
    }
    let heard = said.map_err(|_| String::new())?;
    let (bytes, status) = heard.map_err(|error| format!("{program}: {error}"))?;
    if !status.success() {
        return Err(format!("{program} failed ({status})"));
    }
    Ok(bytes)
}

/// All that a program says, and how it ended.
fn listen(mut child: Child) -> io::Result<(Vec<u8>, ExitStatus)> {
    let mut bytes = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(SOUND_BYTES).read_to_end(&mut bytes)?;
    }
    let status = child.wait()?;
    Ok((bytes, status))
}

/// Keeps the cache from growing for ever: over the limit whatever was not asked for goes.
fn prune(cache: &Path, wanted: &BTreeSet<PathBuf>) {
    let Ok(entries) = fs::read_dir(cache) else {
        return;
    };
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    if files.len() <= CACHED {
        return;
    }
    for file in files {
        let ours = file
            .extension()
            .is_some_and(|end| end == "wav" || end == "part");
        if ours && !wanted.contains(&file) {
            fs::remove_file(file).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own, with a sound and a program that says it: each time it writes a
    /// line to `asked`.
    fn voice(name: &str, script: &str) -> (PathBuf, Speech) {
        let name = format!("centrale-voice-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        let sound = Path::new(env!("CARGO_MANIFEST_DIR")).join("ivr-flows/prompts/en/welcome.wav");
        let script = script
            .replace("SOUND", &sound.display().to_string())
            .replace("ASKED", &folder.join("asked").display().to_string());
        let quoted = serde_json::Value::from(script.as_str()).to_string();
        let yaml = format!(
            "numbers: {{ \"1\": {{ flow: f }} }}\nspeech: {{ command: [sh, -c, {quoted}, sh, \"{{voice}}\"], timeout: 60s, cache: cache }}\n"
        );
        let flow = "version: 1\nflow: f\nstart: a\nlanguages: [en]\nnodes:\n  a: { type: hangup, prompt: [{ say: one }, { say: two }, { say: three }, { say: four }] }\n";
        let files = exchange::config::Files {
            config: vec![("c.yaml".into(), yaml)],
            flows: vec![("f.yaml".into(), flow.into())],
            ..exchange::config::Files::default()
        };
        let (config, diags) = exchange::config::load(&files, &|_| None, &folder);
        let config = config.unwrap_or_else(|| panic!("{diags:?}"));
        let all = wanted(&config, &Library::default());
        assert_eq!(all.len(), 4);
        let mut speech = config.speech.unwrap();
        // A busy machine may take more than a second to start a program.
        if script.contains("sleep") {
            speech.timeout = Duration::from_secs(1);
        }
        (folder, speech)
    }

    fn texts(count: usize) -> Vec<Wanted> {
        let wanted = ["one", "two", "-three", "four", "five", "six"].map(|text| Wanted {
            language: "en".into(),
            name: format!("say/{text}"),
            text: text.into(),
        });
        wanted.into_iter().take(count).collect()
    }

    #[test]
    fn a_text_is_spoken_once_and_kept() {
        let (folder, speech) = voice("once", "cat >> ASKED; echo $1 >> ASKED; cat SOUND");
        let go_on = AtomicBool::new(false);
        let mut library = Library::default();
        let made = make(&speech, texts(3), &go_on);
        assert!(made.problems.is_empty(), "{:?}", made.problems);
        made.put_into(&mut library);
        let asked = || fs::read_to_string(folder.join("asked")).unwrap();
        let mut lines: Vec<String> = asked().lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["-three", "en", "en", "en", "one", "two"]);
        let sound = library.sound("en", "say/-three").unwrap();
        assert!(sound.duration() > Duration::from_secs(1));
        let again = make(&speech, texts(3), &go_on);
        assert_eq!((again.sounds.len(), asked().lines().count()), (3, 6));
        // What was damaged is made again.
        fs::write(file(&speech, &texts(1)[0]), "nothing").unwrap();
        assert_eq!(make(&speech, texts(3), &go_on).sounds.len(), 3);
        assert_eq!(asked().lines().count(), 8);
        fs::remove_dir_all(folder).ok();
    }

    #[test]
    fn a_program_that_does_not_work_is_soon_left_alone() {
        for (name, script, why) in [
            ("fails", "cat SOUND; exit 3", "sh failed (exit status: 3)"),
            ("noise", "echo hello", "what came is no sound"),
            ("silent", "true", "what came is no sound"),
            // What it started is killed too, or the test would wait for it.
            ("slow", "sleep 30; true", "sh took longer than 1s"),
        ] {
            let (folder, speech) = voice(name, script);
            let made = make(&speech, texts(6), &AtomicBool::new(false));
            assert!(made.sounds.is_empty(), "{name}");
            let (rest, told) = made.problems.split_last().unwrap();
            assert!((3..=4).contains(&told.len()), "{:?}", made.problems);
            assert!(told.iter().all(|told| told.contains(why)), "{told:?}");
            assert!(rest.ends_with("more texts were not tried"), "{rest}");
            fs::remove_dir_all(folder).ok();
        }
        let (_, mut speech) = voice("nobody", "true");
        speech.cache = "/proc/nowhere".into();
        let made = make(&speech, texts(1), &AtomicBool::new(false));
        assert!(made.problems[0].starts_with("cannot make the folder"));
    }

    #[test]
    fn whoever_is_told_to_stop_does_not_begin() {
        let (folder, speech) = voice("stop", "cat SOUND");
        let made = make(&speech, texts(2), &AtomicBool::new(true));
        assert_eq!(made.problems, ["2 more texts were not tried"]);
        fs::remove_dir_all(folder).ok();
    }
}
